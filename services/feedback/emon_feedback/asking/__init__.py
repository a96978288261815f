"""Who is asked to answer, by when, and who comes next when nobody does."""
