"""Pages that take a list of people in: hand in, match the columns, look at what will happen, take it, mend the rest."""
