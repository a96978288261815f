"""A Django application that lists organisations to whoever coordinates their municipality."""
