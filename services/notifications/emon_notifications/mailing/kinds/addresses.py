"""Mails about a change of address: the question to the proposed one, the notice to the former one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from emon_notifications.addresses import repository
from emon_notifications.deliveries.rules import Cause, Kind
from emon_notifications.mailing.due import Due
from emon_notifications.mailing.kinds.matter import Contents, LinkTo
from emon_notifications.mailing.rules import Elsewhere, End, Tell
from emon_notifications.rendering import AddressFacts, NoFacts
from emon_platform.database import Transaction
from emon_platform.signed_links import Purpose, SignedLink

KINDS = (Kind.ADDRESS_CONFIRMATION, Kind.ADDRESS_CHANGED)


@dataclass(frozen=True, slots=True)
class AddressMatter:
    """A change of address that is not over."""

    change_id: UUID
    confirmed: bool
    revision: int
    by_themself: bool
    expires_at: datetime
    address: Elsewhere
    shares_mail: ClassVar[bool] = False

    def decide(self, due: Due, now: datetime) -> Tell | End:
        """Nobody but the person changes an address that takes mail: what others propose is asked only where theirs does not."""
        if due.kind is Kind.ADDRESS_CHANGED:
            return Tell(Kind.ADDRESS_CHANGED, None, self.address)
        if self.confirmed:
            return End(Cause.HAD_NOTHING_TO_TELL, "address-confirmed")
        if not self.by_themself and due.email is not None and not due.is_suppressed:
            return End(Cause.HAD_NOTHING_TO_TELL, "address-takes-mail")
        return Tell(Kind.ADDRESS_CONFIRMATION, None, self.address)

    def contents(self, tell: Tell, due: Sequence[Due], now: datetime) -> Contents:
        """The link that confirms it. The notice has none."""
        if tell.kind is Kind.ADDRESS_CHANGED:
            return Contents(NoFacts(), ())
        [reader] = due
        link = SignedLink(
            purpose=Purpose.ADDRESS,
            identifier=self.change_id,
            subject_id=reader.person_id,
            revision=self.revision,
            person_id=reader.person_id,
            issued_at=now,
            expires_at=self.expires_at,
        )
        return Contents(AddressFacts(self.expires_at, self.by_themself), (LinkTo(reader.display_name or "", link),))


@dataclass(frozen=True, slots=True)
class PastAddressMatter:
    """A change of address that is over: withdrawn for a newer one, or too old."""

    shares_mail: ClassVar[bool] = False

    def decide(self, due: Due, now: datetime) -> End:
        """Nothing is asked or told any more."""
        return End(Cause.HAD_NOTHING_TO_TELL, "address-change-over")

    def contents(self, tell: Tell, due: Sequence[Due], now: datetime) -> Contents:
        """There are none."""
        raise ValueError("a letter about a change that is over")


async def load(tx: Transaction, due: Sequence[Due]) -> Mapping[UUID, AddressMatter | PastAddressMatter]:
    """The changes that these deliveries are about."""
    rows = await repository.changes_about(tx, [item.subject_id for item in due])
    changes = {
        row["change_id"]: AddressMatter(
            row["change_id"],
            row["confirmed"],
            row["revision"],
            row["by_themself"],
            row["expires_at"],
            Elsewhere(row["email"], row["email_key"], row["is_suppressed"]),
        )
        for row in rows
    }
    return {item.id: changes.get(item.subject_id, PastAddressMatter()) for item in due}
