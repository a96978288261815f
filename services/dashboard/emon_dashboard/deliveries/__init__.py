"""Pages about deliveries: what was sent to whom, what became of it and why, and what staff decide where the platform cannot."""
