"""The page about the network, for its administration: municipalities in numbers, and nobody by name."""
