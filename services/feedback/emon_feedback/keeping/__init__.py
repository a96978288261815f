"""How long things are kept: people who were erased, and texts that are old."""
