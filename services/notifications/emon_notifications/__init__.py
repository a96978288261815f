"""Turns events into e-mail that arrives once."""
