"""Pages about meetings: the list, one meeting with its replies, scheduling, changing, cancelling, and a list to print."""
