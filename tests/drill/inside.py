"""What a drill looks at from within the containers' networks, since no database and no broker is published.

`python -m tests.drill.inside quiet` waits until nothing is under way, tells meanwhile what is, and ends with 1 where that takes
too long; `… evidence` writes all that the auditor wants to know, pickled, on standard output.
"""

import asyncio
import os
import pickle
import sys

from emon_operator.backup.places import Places, places_of_environment

from tests.faults.auditor import gather
from tests.faults.soak.quiet import Where, until_quiet


def main() -> int:
    """The command line. Answers the exit code."""
    places = places_of_environment(os.environ)
    assert places is not None, "the operator's container names all databases"
    return asyncio.run({"quiet": _quiet, "evidence": _evidence}[sys.argv[1]](_where(places)))


def _where(places: Places) -> Where:
    security = places.kafka.client_options()
    bootstrap = security.pop("bootstrap_servers")
    urls = {service: place.worker_url for service, place in places.databases.items()}
    health = {url.removeprefix("http://"): url for url in os.environ["EMON_HEALTH_URLS"].split()}
    return Where(bootstrap, urls, health, security)


async def _quiet(where: Where) -> int:
    def say(text: str) -> None:
        print(text, flush=True)  # noqa: T201

    left = await until_quiet(where, say)
    for item in left:
        say(f"not quiet: {item}")
    return 1 if left else 0


async def _evidence(where: Where) -> int:
    """All but the mails, whose log is published."""
    ledger = where.worker_urls["notifications"]
    evidence = await gather(where.bootstrap, ledger, (), worker_urls=where.worker_urls, **where.security)
    sys.stdout.buffer.write(pickle.dumps(evidence))
    return 0


if __name__ == "__main__":
    sys.exit(main())
