"""People: who they are, where they take part, and whether an e-mail reaches them."""
