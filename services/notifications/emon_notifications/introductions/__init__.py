"""Introductions: somebody whom others entered is told so, in the first mail that goes to them (GDPR Art. 14)."""
