"""Consumers: effect and position stand or fall together, in the consumer's own database."""
