"""Backing up, verifying and restoring: all databases of the platform at one cut."""
