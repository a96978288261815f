"""All SQL about what came of imports."""

from uuid import UUID

from emon_platform.database import Transaction

KEPT_FOR_HOURS = 24


async def keep(tx: Transaction, import_id: UUID, resource: str, rejected_csv: bytes) -> None:
    """Keeps the rejected rows for the person who sent them."""
    await tx.execute(
        "INSERT INTO imports (id, resource, imported_by, rejected_csv) VALUES ($1, $2, $3, $4)",
        import_id,
        resource,
        tx.actor.person_id,
        rejected_csv,
    )


async def rejected_csv(tx: Transaction, import_id: UUID, resource: str) -> bytes | None:
    """The rejected rows of an import of the caller's, as long as they are kept."""
    return await tx.fetchval(
        """
        SELECT rejected_csv
        FROM imports
        WHERE id = $1
          AND resource = $2
          AND imported_by = $3
          AND created_at > now() - make_interval(hours => $4)
        """,
        import_id,
        resource,
        tx.actor.person_id,
        KEPT_FOR_HOURS,
    )


async def sweep(tx: Transaction) -> None:
    """Forgets what was kept long enough."""
    await tx.execute("DELETE FROM imports WHERE created_at <= now() - make_interval(hours => $1)", KEPT_FOR_HOURS)
