"""What is said to be fast, beside a peer in the same run: `make bench`, or `python -m benchmarks relay` for one of them."""
