"""Erasure of a person by themself."""
