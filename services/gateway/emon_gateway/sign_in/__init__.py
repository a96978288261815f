"""Sign-in: a link by e-mail opens a session; the session is the caller of every request."""
