"""Submitting: what feedback can be about, in which municipality it lies, and whom it goes to first."""
