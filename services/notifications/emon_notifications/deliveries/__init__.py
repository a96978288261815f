"""Deliveries: what is owed to whom, its states, and what staff see and decide."""
