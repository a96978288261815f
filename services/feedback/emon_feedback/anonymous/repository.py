"""The SQL of anonymous feedback."""

from uuid import UUID

from emon_platform.database import Transaction


async def open_by_secret(tx: Transaction, secret_hash: bytes) -> UUID | None:
    """Brings the feedback of this secret, and no other, into reach of the transaction; answers its id."""
    await tx.execute("SELECT set_config('emon.secret', encode($1::bytea, 'hex'), true)", secret_hash)
    return await tx.fetchval("SELECT id FROM feedback WHERE secret_hash = $1", secret_hash)
