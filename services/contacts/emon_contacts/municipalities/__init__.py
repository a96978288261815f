"""The register of municipalities."""
