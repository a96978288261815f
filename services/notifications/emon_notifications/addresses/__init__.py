"""Addresses that change: where a person is written to about it, besides the address that is theirs."""
