"""From what is due to mail on the wire: prepared once for each event and language, then filled for each recipient."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from joserfc.jwk import OKPKey

from emon_calendar.zones import end_instant
from emon_contracts.values import Locale
from emon_notifications.deliveries.rules import Kind
from emon_notifications.mailing.due import Due
from emon_notifications.rendering import (
    MailKind,
    MeetingFacts,
    PersonalLink,
    PreparedMail,
    Recipient,
    Sender,
    SignInFacts,
    prepare,
)
from emon_notifications.smtp import Outgoing
from emon_platform.signed_links import Purpose, SignedLink, sign

LINK_OUTLIVES_MEETING = timedelta(days=1)
PREPARED_MAX = 256
PREPARED_FOR = timedelta(seconds=30)

_Template = tuple[Kind, Locale, MeetingFacts | SignInFacts]


@dataclass(frozen=True, slots=True)
class Letter:
    """What one mail says, to whom. Several are due to one mailbox only where people who share it ask to sign in."""

    mail_id: UUID
    kind: Kind
    revision: int | None
    due: Sequence[Due]

    @property
    def address(self) -> str:
        """The mailbox. Raises ValueError where there is none, which `decide` has excluded."""
        address = self.due[0].email
        if address is None:
            raise ValueError("a letter to nowhere")
        return address


class Writer:
    """Writes letters. Signs the links in them; links are never stored."""

    def __init__(self, sender: Sender, key: OKPKey) -> None:
        self._sender = sender
        self._key = key
        self._prepared: OrderedDict[tuple[Kind, Locale, MeetingFacts | SignInFacts], tuple[datetime, PreparedMail]] = (
            OrderedDict()
        )

    def write(self, letter: Letter, now: datetime) -> Outgoing:
        """The whole message. Raises what rendering raises for text that must not stand in a header, and ValueError."""
        first = letter.due[0]
        if letter.kind is Kind.SIGN_IN:
            facts = SignInFacts(expires_at=min(due.expires_at for due in letter.due), people=len(letter.due))
            links = tuple(self._sign_in_link(due, now) for due in letter.due)
        else:
            if first.meeting is None:
                raise ValueError("a letter about a meeting that is not known")
            facts = first.meeting
            links = (self._invitation_link(first, first.meeting, now),)
        recipient = Recipient(
            display_name=first.display_name if len(letter.due) == 1 else None,
            email=letter.address,
            message_id=f"{letter.mail_id}@{self._sender.domain}",
            links=links,
        )
        content = self._prepare(letter.kind, first.locale, facts, now).fill(recipient)
        return Outgoing(recipient=letter.address, content=content, return_path=self._sender.address, reference=letter.mail_id)

    def _prepare(self, kind: Kind, locale: Locale, facts: MeetingFacts | SignInFacts, now: datetime) -> PreparedMail:
        key = (kind, locale, facts)
        known = self._prepared.get(key)
        if known is not None and now - known[0] < PREPARED_FOR:
            self._prepared.move_to_end(key)
            return known[1]
        prepared = prepare(MailKind(kind.value), locale, facts, self._sender, now)
        self._prepared[key] = (now, prepared)
        if len(self._prepared) > PREPARED_MAX:
            self._prepared.popitem(last=False)
        return prepared

    def _sign_in_link(self, due: Due, now: datetime) -> PersonalLink:
        link = SignedLink(
            purpose=Purpose.SIGN_IN,
            # The same in every mail for this request, so that it can be used once.
            identifier=uuid5(due.subject_id, str(due.person_id)),
            subject_id=due.person_id,
            revision=0,
            person_id=due.person_id,
            issued_at=now,
            expires_at=due.expires_at,
        )
        return PersonalLink(due.display_name or "", sign(link, self._key))

    def _invitation_link(self, due: Due, meeting: MeetingFacts, now: datetime) -> PersonalLink:
        if due.invitation_id is None:
            raise ValueError("a letter to somebody who is not invited")
        link = SignedLink(
            purpose=Purpose.INVITATION,
            identifier=due.invitation_id,
            subject_id=due.invitation_id,
            revision=meeting.revision,
            person_id=due.person_id,
            issued_at=now,
            expires_at=end_instant(meeting.start, meeting.duration_minutes) + LINK_OUTLIVES_MEETING,
        )
        return PersonalLink(due.display_name or "", sign(link, self._key))
