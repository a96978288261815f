"""The one public door: sign-in, permissions, routing, limits."""
