"""How many mails a second leave the sending side, filled in for each recipient: ours against aiosmtplib, in the same run.

Both write the same mails (an invitation with its calendar part) to the same discarding server over as many connections.
`python -m benchmarks sending`; no database and no Kafka: this is the last step of the fan-out by itself.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import UUID

import aiosmtplib

from benchmarks.comparison import Comparison
from benchmarks.mail_sink import sink
from benchmarks.surroundings import Surroundings, run_alone
from emon_contracts.events.meetings import MeetingKind
from emon_contracts.values import Locale, ZonedDateTime
from emon_notifications.rendering import MailKind, MeetingFacts, PersonalLink, Recipient, Sender, prepare
from emon_notifications.smtp import Accepted, Connection, Outgoing, SmtpSettings, Tls

MAILS = 10_000
GROUP = 64
ROUNDS = 3
HOST = "127.0.0.1"
RETURN_PATH = "bounces@example.org"

_start = ZonedDateTime(local=datetime(2027, 3, 28, 18, 0), time_zone="Europe/Berlin")  # noqa: DTZ001
_prepared = prepare(
    MailKind.INVITATION,
    Locale.DE,
    MeetingFacts(
        meeting_id=UUID(int=1),
        kind=MeetingKind.ROUND_TABLE,
        title="Runder Tisch: Was gelingt, was fehlt?",
        start=_start,
        starts_at=_start.instant(),
        duration_minutes=90,
        place="Rathaus, Großer Saal",
        link=None,
        revision=0,
        municipality_name="Musterstadt",
    ),
    Sender(
        "EmON", "noreply@example.org", "reply@example.org", "example.org", "https://emon.example.org", "https://emon.example.org"
    ),
    datetime.now(UTC),
)


def mail_to(number: int) -> Outgoing:
    """The invitation of one recipient."""
    address = f"p{number}@example.org"
    recipient = Recipient(f"Erika Süß {number}", address, f"{number}@example.org", (PersonalLink("Erika", "x" * 172),))
    return Outgoing(address, _prepared.fill(recipient), RETURN_PATH, number)


async def ours(port: int, connections: int) -> None:
    """Pipelined, in groups as the mailer sends them."""
    settings = SmtpSettings(HOST, port, username=None, password=None, tls=Tls.NEVER, local_hostname="localhost")
    accepted = 0

    def count(_mail: Outgoing, result: object) -> None:
        nonlocal accepted
        accepted += isinstance(result, Accepted)

    async def lane(first: int) -> None:
        connection = await Connection.connect(settings)
        numbers = range(first, MAILS, connections)
        for start in range(0, len(numbers), GROUP):
            await connection.send([mail_to(number) for number in numbers[start : start + GROUP]], count)
        await connection.close()

    await asyncio.gather(*(lane(first) for first in range(connections)))
    assert accepted == MAILS


async def peer(port: int, connections: int) -> None:
    """aiosmtplib with its connections kept open, as its documentation advises for many mails."""

    async def lane(first: int) -> None:
        client = aiosmtplib.SMTP(hostname=HOST, port=port, start_tls=False, local_hostname="localhost")
        await client.connect()
        for number in range(first, MAILS, connections):
            mail = mail_to(number)
            await client.sendmail(RETURN_PATH, [mail.recipient], mail.content)
        await client.quit()

    await asyncio.gather(*(lane(first) for first in range(connections)))


async def per_second(send: Callable[[int, int], Awaitable[None]], port: int, connections: int) -> float:
    """Mails a second, from the first connection to the last reply."""
    started = time.perf_counter()
    await send(port, connections)
    return MAILS / (time.perf_counter() - started)


async def measure(_found: Surroundings) -> list[Comparison]:
    """Both in turns, over one connection and over four; the median of ROUNDS."""
    comparisons: list[Comparison] = []
    async with sink() as (port, _):
        for connections in (1, 4):
            rates: dict[str, list[float]] = {"ours": [], "aiosmtplib": []}
            for _ in range(ROUNDS):
                rates["ours"].append(await per_second(ours, port, connections))
                rates["aiosmtplib"].append(await per_second(peer, port, connections))
            own, other = (statistics.median(found) for found in rates.values())
            print(f"sending, {connections} connections: ours {own:,.0f}/s, aiosmtplib {other:,.0f}/s", flush=True)
            what = f"sending alone, {connections} connection{'s' if connections > 1 else ''}"
            comparisons.append(Comparison(what, "mails/s", own, "aiosmtplib, connections kept open", other))
    return comparisons


if __name__ == "__main__":
    run_alone(measure)
