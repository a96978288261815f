"""What every service of EmON stands on: database, outbox, relay, consumers, directory, HTTP."""
