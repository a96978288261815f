"""The network as its administration sees it: numbers of each municipality, and no names of people."""
