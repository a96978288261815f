"""What a relay leaves behind when its machine vanishes."""

import asyncio
import math
import os
import sys
from pathlib import Path

import pytest

from emon_embedded.service_databases import ServiceDatabase
from emon_platform.database import Database
from emon_platform.relay import Relay

from tests.conftest import RunningKafka
from tests.polling import eventually

KEEPALIVE = "02"  # the timer of a row in /proc/net/tcp, as Linux' net/ipv4/tcp_ipv4.c numbers them


def server_asks_within_s(server_port: int, client_port: int) -> float:
    """In how many seconds the kernel asks whether the client is still there; endless while there is no telling."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, _, _, timer, *_ = line.split()
        if [int(address.rpartition(":")[2], 16) for address in (local, remote)] == [server_port, client_port]:
            kind, _, ticks = timer.partition(":")
            return int(ticks, 16) / os.sysconf("SC_CLK_TCK") if kind == KEEPALIVE else math.inf
    return math.inf


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the timers of a socket")
async def test_the_lock_of_a_machine_that_vanished_is_free_soon(
    urls: ServiceDatabase, kafka: RunningKafka, worker: Database
) -> None:
    relay = Relay(urls.worker_url, kafka.access, "test")
    task = asyncio.create_task(relay.run())

    async def asked_within_s() -> float:
        row = await worker.pool.fetchrow(
            """
            SELECT client_port, inet_server_port()
            FROM pg_stat_activity
            WHERE application_name = 'test relay'
              AND datname = current_database()
              AND client_port IS NOT NULL -- as it is while a connection begins
            """
        )
        return math.inf if row is None else server_asks_within_s(row["inet_server_port"], row["client_port"])

    try:
        # By default it is two hours, for which no other relay could begin.
        assert await eventually(asked_within_s, lambda seconds: seconds < math.inf) <= 5
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
