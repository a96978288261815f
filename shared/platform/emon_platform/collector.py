"""Python's cyclic collector, set for a service: much that stays, and batches of many small objects that go by themselves.

With the interpreter's defaults it walks everything a service ever loaded once in every few batches, and finds nothing: a fifth of
a consumer's time (measured in `benchmarks/consumer.py`).
"""

import gc

# New objects that survive before the youngest generation is looked through. A batch has some 10,000.
YOUNGEST = 50_000


def settle() -> None:
    """Takes what is loaded by now out of the collector's sight, and lets it look less often. Call it once, before work begins."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNGEST, 10, 10)
