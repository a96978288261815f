"""Routing: which service a path belongs to, and how a request gets there and back."""
