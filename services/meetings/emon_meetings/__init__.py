"""Regular exchange: meetings and their invitations."""
