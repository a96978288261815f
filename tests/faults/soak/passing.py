# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""Time that passes in a soak without anybody waiting for it."""

import asyncio
from uuid import UUID

import asyncpg

from tests.faults.soak.quiet import BROKEN_OFF

LOOKS_AGAIN_AFTER_S = 0.4


async def let_deadline_pass(url: str, feedback_id: UUID) -> None:
    """As if the day were over by which somebody was to act on this feedback. Tries again while the database is out of order."""
    while True:
        try:
            connection = await asyncpg.connect(url, timeout=10)
            try:
                await connection.execute("UPDATE feedback SET look_at = now() WHERE id = $1 AND look_at > now()", feedback_id)
                return
            finally:
                await connection.close(timeout=10)
        except BROKEN_OFF:
            await asyncio.sleep(LOOKS_AGAIN_AFTER_S)
