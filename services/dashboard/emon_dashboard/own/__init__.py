"""What is the visitor's own: their meetings, their feedback, and everything that is held about them."""
