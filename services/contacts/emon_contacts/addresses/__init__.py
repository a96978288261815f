"""How an address changes: it is proposed, and confirmed by whoever reads the mail that goes to it."""
