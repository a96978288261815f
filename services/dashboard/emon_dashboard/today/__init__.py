"""The page on which staff begin: what needs them today, the most urgent first."""
