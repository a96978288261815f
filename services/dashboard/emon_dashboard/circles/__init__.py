"""Circles and organisations: who takes part, when they meet next, what waits for an answer."""
