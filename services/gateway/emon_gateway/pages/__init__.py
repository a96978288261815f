"""Pages for people who come from a mail: signing in, and seeing the one thing that a link shows."""
