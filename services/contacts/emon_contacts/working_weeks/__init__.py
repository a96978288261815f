"""When a person works: deadlines count the working days of whoever is asked."""
