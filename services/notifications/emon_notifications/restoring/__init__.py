"""After a restore: what the ledger may have forgotten that it sent is held, until staff decide."""
