"""A mail server that keeps every mail and delivers none, with a page and an HTTP API to look at them, shaped as Mailpit's."""
