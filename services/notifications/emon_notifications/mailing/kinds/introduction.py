"""The mail that does nothing but introduce, where no other mail took the introduction along."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from emon_notifications.deliveries.rules import Cause, Kind
from emon_notifications.mailing.due import Due
from emon_notifications.mailing.kinds.matter import Contents
from emon_notifications.mailing.rules import End, Tell
from emon_notifications.rendering import NoFacts
from emon_platform.database import Transaction


@dataclass(frozen=True, slots=True)
class IntroductionMatter:
    """What such a mail says is what introduces in any other; see `letters`."""

    shares_mail: ClassVar[bool] = False

    def decide(self, due: Due, now: datetime) -> Tell | End:
        """Unless another mail was first."""
        if due.is_new or due.repeats_introduction:
            return Tell(Kind.INTRODUCTION, None)
        return End(Cause.HAD_NOTHING_TO_TELL, "introduced-already")

    def contents(self, tell: Tell, due: Sequence[Due], now: datetime) -> Contents:
        """Nothing beside the introduction."""
        return Contents(NoFacts(), ())


async def load(tx: Transaction, due: Sequence[Due]) -> Mapping[UUID, IntroductionMatter]:
    """There is nothing to look up."""
    return {item.id: IntroductionMatter() for item in due}
