"""What happened, by the service that says so. Ids and facts; never a name, an address, a token or free text."""
