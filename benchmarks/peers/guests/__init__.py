"""A Django application with the guests of a meeting."""
