"""People, their memberships and their grants."""
