"""The emon command."""
