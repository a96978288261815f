"""Feedback: what is known of it here, and who is to be told what about it."""
