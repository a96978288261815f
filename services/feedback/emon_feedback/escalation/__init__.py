"""Escalation: a timer looks after what is due, and asks the next ones."""
