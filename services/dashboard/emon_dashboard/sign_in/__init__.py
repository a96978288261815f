"""Signing in by a link that arrives by e-mail, and signing out."""
