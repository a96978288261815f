"""The SQL of the copy of meetings."""

from collections.abc import Sequence
from uuid import UUID

from emon_platform.database import Transaction


async def save_meetings(tx: Transaction, meetings: Sequence[tuple[UUID, str, str, bool, int]]) -> None:
    """Saves meetings (id, municipality, title, cancelled, version), each where it is newer than the copy."""
    await tx.executemany(
        """
        INSERT INTO meetings (id, ags, title, cancelled, version)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (id) DO UPDATE
        SET ags = excluded.ags,
            title = excluded.title,
            cancelled = excluded.cancelled,
            version = excluded.version
        WHERE meetings.version < excluded.version
        """,
        meetings,
    )
