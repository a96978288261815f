"""Meetings: scheduled, changed, cancelled, read."""
