"""The read model: what other services published, folded by version into what the gateway's own reads need."""
