"""All benchmarks one after the other, each on surroundings of its own, and one table: `python -m benchmarks [NAME …]`."""

import argparse
import time
from datetime import UTC, datetime

from benchmarks import consumer, fan_out, listing, pages, relay, sending
from benchmarks.comparison import Comparison, table
from benchmarks.surroundings import Measure, machine, run

BENCHMARKS: dict[str, Measure] = {
    "relay": relay.measure,
    "consumer": consumer.measure,
    "fan_out": fan_out.measure,
    "listing": listing.measure,
    "pages": pages.measure,
    "sending": sending.measure,
}


def main() -> None:
    """Runs those that were named, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Our figures beside a peer's, from the same run.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}; all, where none is named")
    names: list[str] = parser.parse_args().names
    if unknown := set(names) - BENCHMARKS.keys():
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    comparisons: list[Comparison] = []
    for name in names or BENCHMARKS:
        begun = time.perf_counter()
        comparisons += run(BENCHMARKS[name])
        print(f"({name} took {time.perf_counter() - begun:.0f} s)", flush=True)
    print(f"\n{datetime.now(UTC):%Y-%m-%d}, {machine()}\n\n{table(comparisons)}")


if __name__ == "__main__":
    main()
