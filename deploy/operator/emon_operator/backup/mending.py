"""After Kafka was lost: the directory published anew, and offsets that lie outside the log put to its beginning."""

from collections.abc import Mapping

from emon_contacts.republishing.commands import Known, Republished, republish_directory
from emon_operator.backup.places import PARTITIONS, SERVICES, Places, topics_of
from emon_platform.broker import ensure_topics
from emon_platform.consumer import offsets
from emon_platform.consumer.offsets import Partition
from emon_platform.database import Database
from emon_platform.kafka_edge import open_log


class StillRunning(Exception):
    """A service reads while its offsets are to be moved."""


async def republish_contacts(places: Places) -> Republished:
    """Through the outbox of contacts, in one transaction: who may run, runs on."""
    database = await Database.connect(
        places.databases["contacts"].worker_url, name="emon republish", size_max=1, transaction_timeout_s=600
    )
    try:
        async with database.unscoped() as tx:
            return await republish_directory(tx, Known())
    finally:
        await database.close()


async def repair_offsets(places: Places) -> Mapping[str, Mapping[Partition, tuple[int, int]]]:
    """Puts each that lies outside the log to its beginning; answers from where to where. Raises StillRunning.

    Records that were in the lost part and that a consumer had not read are gone; what is read twice has no second effect.
    """
    await ensure_topics(places.kafka)
    moved: dict[str, dict[Partition, tuple[int, int]]] = {}
    async with open_log(places.kafka) as log:
        beginnings, ends = await log.beginnings(PARTITIONS), await log.ends(PARTITIONS)
    for service in (service for service in SERVICES if topics_of(service)):
        database = await Database.connect(places.databases[service].worker_url, name="emon offsets", size_max=1)
        try:
            async with database.unscoped() as tx:
                readers = await tx.fetchval(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1",
                    f"{service} worker",
                )
                if readers:
                    raise StillRunning(f"The worker of {service} runs. Stop every service first.")
                stored = await offsets.stored(tx, service)
                outside = {
                    partition: (offset, beginnings[partition])
                    for partition, offset in stored.items()
                    if partition in ends and not beginnings[partition] <= offset <= ends[partition]
                }
                await offsets.place(tx, service, {partition: beginning for partition, (_, beginning) in outside.items()})
                moved[service] = outside
        finally:
            await database.close()
    return moved
