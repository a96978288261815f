"""Pages about feedback: the inbox with its deadlines, one feedback with what may be done next, and a form for new."""
