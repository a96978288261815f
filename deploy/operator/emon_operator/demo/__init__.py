"""`emon demo`: a round table and what people say to it, played against a running platform over its public API.

It makes its own data under names that no other run uses, so it can be played again and beside real data.
"""
