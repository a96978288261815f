"""Invitations: who is asked to a meeting, each person once. An invitation is an aggregate of its own."""
