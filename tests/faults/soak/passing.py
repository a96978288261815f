# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""Time that passes in a soak without anybody waiting for it."""

from uuid import UUID

import asyncpg


async def let_deadline_pass(url: str, feedback_id: UUID) -> None:
    """As if the day were over by which somebody was to act on this feedback. Raises what a database out of order does."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("UPDATE feedback SET look_at = now() WHERE id = $1 AND look_at > now()", feedback_id)
    finally:
        await connection.close()
