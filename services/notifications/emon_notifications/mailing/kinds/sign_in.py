"""Sign-in mails: one for a mailbox, with a link for each person who asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID, uuid5

from emon_notifications.deliveries.rules import Cause, Kind
from emon_notifications.mailing.due import Due
from emon_notifications.mailing.kinds.matter import Contents, LinkTo
from emon_notifications.mailing.rules import End, Tell
from emon_notifications.rendering import SignInFacts
from emon_platform.database import Transaction
from emon_platform.signed_links import Purpose, SignedLink


@dataclass(frozen=True, slots=True)
class SignInMatter:
    """A request to sign in, which the delivery itself says all about."""

    shares_mail: ClassVar[bool] = True

    def decide(self, due: Due, now: datetime) -> Tell | End:
        """Nobody reads or phones a link to somebody."""
        return Tell(Kind.SIGN_IN, None) if due.email is not None else End(Cause.HAD_NOTHING_TO_TELL, "no-address")

    def contents(self, tell: Tell, due: Sequence[Due], now: datetime) -> Contents:
        """A link for each of them."""
        facts = SignInFacts(expires_at=min(item.expires_at for item in due), people=len(due))
        return Contents(facts, tuple(LinkTo(item.display_name or "", _link(item, now)) for item in due))


async def load(tx: Transaction, due: Sequence[Due]) -> Mapping[UUID, SignInMatter]:
    """There is nothing to look up."""
    return {item.id: SignInMatter() for item in due}


def _link(due: Due, now: datetime) -> SignedLink:
    return SignedLink(
        purpose=Purpose.SIGN_IN,
        # The same in every mail for this request, so that it can be used once.
        identifier=uuid5(due.subject_id, str(due.person_id)),
        subject_id=due.person_id,
        revision=0,
        person_id=due.person_id,
        issued_at=now,
        expires_at=due.expires_at,
    )
