"""What a delivery is about: what is told of it now, and what the mail then holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, NamedTuple, Protocol

from emon_notifications.deliveries.rules import Cause
from emon_notifications.mailing.due import Due
from emon_notifications.mailing.rules import End, Tell
from emon_notifications.rendering import Facts
from emon_platform.signed_links import SignedLink


class LinkTo(NamedTuple):
    """A link that is signed when the mail is written, and the name over it."""

    person_name: str
    link: SignedLink


class Contents(NamedTuple):
    """What a mail says, to everybody who gets it (`facts`), and to its reader alone (`links`)."""

    facts: Facts
    links: tuple[LinkTo, ...]


class Matter(Protocol):
    """What one delivery is about."""

    shares_mail: ClassVar[bool]
    """Whether what is due about one subject to several people of one mailbox goes into one mail."""

    def decide(self, due: Due, now: datetime) -> Tell | End:
        """Whether the person is told anything now, and what."""
        ...

    def contents(self, tell: Tell, due: Sequence[Due], now: datetime) -> Contents:
        """What the mail holds that tells it. Raises ValueError for what must not have been decided."""
        ...


@dataclass(frozen=True, slots=True)
class UnknownMatter:
    """What a delivery is about that notifications knows nothing of."""

    shares_mail: ClassVar[bool] = False

    def decide(self, due: Due, now: datetime) -> Tell | End:
        """Staff have to look at it."""
        return End(Cause.COULD_NOT_BE_WRITTEN, "subject-unknown")

    def contents(self, tell: Tell, due: Sequence[Due], now: datetime) -> Contents:
        """There are none."""
        raise ValueError("a letter about something that is not known")
