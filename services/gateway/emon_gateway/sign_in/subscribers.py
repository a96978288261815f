"""What the gateway does when the directory changes."""

from collections.abc import Sequence
from uuid import UUID

from emon_gateway.sign_in import repository
from emon_platform.database import Transaction


async def end_sessions_of_erased(tx: Transaction, person_ids: Sequence[UUID]) -> None:
    """Sessions of people who were erased end with them."""
    await repository.delete_sessions_of_erased(tx, person_ids)
