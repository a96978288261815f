"""What did not arrive by itself: who else is told of it, and when it is settled."""
