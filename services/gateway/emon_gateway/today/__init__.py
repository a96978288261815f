"""What needs somebody today: one list of everything that waits for them, and a stream that says when it changed."""
