"""Resonance: nobody's feedback stays without an answer."""
