"""Lists as CSV: how they are read, and how the rows that were not taken are handed back."""
