"""The pages behind links in mails: each shows one thing as it is now, and acts on it. None opens a session."""
