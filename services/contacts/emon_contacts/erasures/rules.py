"""When somebody cannot erase themselves, and when their end is told again."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from emon_contracts.refusals import Refusal
from emon_contracts.topics import COMPACTION_LAG_MAX

# A segment of the log rolls when something is written to it after the lag; a minute more, since brokers go by the time of
# its first record.
ANNOUNCED_AGAIN_AFTER = COMPACTION_LAG_MAX + timedelta(minutes=1)

LAST_ADMINISTRATOR = Refusal(
    "last-administrator", "Nobody else administers the platform. Grant network_admin to somebody first.", conflict=True
)


@dataclass(frozen=True, slots=True, order=True)
class Erasure:
    """That somebody erased themselves: what is kept of it, which identifies nobody. `version` is that of their tombstone."""

    person_id: UUID
    version: int
    erased_at: datetime
