"""Planning: from an event to what is owed, to whom. One bulk insert, however many people are meant."""
