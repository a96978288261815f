"""emon_platform.relay as a contender."""

import asyncio
import json
import sys

import uvloop

from emon_platform import collector
from emon_platform.kafka_access import KafkaAccess
from emon_platform.relay import Relay


async def main() -> None:
    """Relays until it is killed."""
    arguments = json.loads(sys.argv[1])
    collector.settle()  # as every service does
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await Relay(arguments["url"], KafkaAccess(arguments["bootstrap"]), "benchmark").run()


if __name__ == "__main__":
    uvloop.run(main())
