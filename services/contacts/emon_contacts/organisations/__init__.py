"""Organisations: circles, authorities, providers, and where they are active."""
