"""Mailing: from what is owed to mail that the mail server accepted, and a record of each try."""
