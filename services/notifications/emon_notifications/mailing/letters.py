"""From what is due to mail on the wire: prepared once for each event and language, then filled for each recipient."""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from joserfc.jwk import OKPKey

from emon_contracts.values import Locale
from emon_notifications.deliveries.rules import Kind
from emon_notifications.mailing.due import Due
from emon_notifications.mailing.kinds import Matter
from emon_notifications.mailing.rules import Tell
from emon_notifications.rendering import (
    Facts,
    IntroductionFacts,
    IntroductionLinks,
    MailKind,
    PersonalLink,
    PreparedMail,
    Recipient,
    Sender,
    prepare,
)
from emon_notifications.smtp import Outgoing
from emon_platform.signed_links import Purpose, SignedLink, Signer

INTRODUCTION_LINKS_LAST = timedelta(days=365)
PREPARED_MAX = 256
PREPARED_FOR = timedelta(seconds=30)

_Template = tuple[Kind, Locale, Facts, IntroductionFacts | None]


class Letter(NamedTuple):
    """What one mail says, to whom. Several are due to one mailbox only where people who share it ask to sign in."""

    mail_id: UUID
    tell: Tell
    matter: Matter
    due: Sequence[Due]
    introduction: IntroductionFacts | None

    @property
    def address(self) -> str:
        """The mailbox. Raises ValueError where there is none, which `decide` has excluded."""
        address = self.due[0].email
        if address is None:
            raise ValueError("a letter to nowhere")
        return address

    @property
    def introduces(self) -> UUID | None:
        """Whom it introduces."""
        return None if self.introduction is None else self.due[0].person_id


class Writer:
    """Writes letters. Signs the links in them; links are never stored."""

    def __init__(self, sender: Sender, key: OKPKey) -> None:
        self._sender = sender
        self._signer = Signer(key)
        self._prepared: OrderedDict[_Template, tuple[datetime, PreparedMail]] = OrderedDict()
        self._latest: tuple[_Template, datetime, PreparedMail] | None = None

    def write(self, letter: Letter, now: datetime) -> Outgoing:
        """The whole message. Raises what rendering raises for text that must not stand in a header, and ValueError."""
        first = letter.due[0]
        contents = letter.matter.contents(letter.tell, letter.due, now)
        recipient = Recipient(
            display_name=first.display_name if len(letter.due) == 1 else None,
            email=letter.address,
            message_id=f"{letter.mail_id}@{self._sender.domain}",
            links=tuple(PersonalLink(to.person_name, self._signer.sign(to.link)) for to in contents.links),
            introduction=None if letter.introduces is None else self._introduction_links(letter.introduces, now),
        )
        prepared = self._prepare((letter.tell.kind, first.locale, contents.facts, letter.introduction), now)
        content = prepared.fill(recipient)
        return Outgoing(recipient=letter.address, content=content, return_path=self._sender.address, reference=letter.mail_id)

    def _prepare(self, template: _Template, now: datetime) -> PreparedMail:
        # A group mostly tells one thing: then its facts are the same object, and need not be hashed for each letter.
        if self._latest is None or self._latest[0] != template or self._latest[1] != now:
            self._latest = template, now, self._prepared_for(template, now)
        return self._latest[2]

    def _prepared_for(self, template: _Template, now: datetime) -> PreparedMail:
        known = self._prepared.get(template)
        if known is not None and now - known[0] < PREPARED_FOR:
            self._prepared.move_to_end(template)
            return known[1]
        kind, locale, facts, introduction = template
        prepared = prepare(MailKind(kind.value), locale, facts, self._sender, now, introduction)
        self._prepared[template] = (now, prepared)
        if len(self._prepared) > PREPARED_MAX:
            self._prepared.popitem(last=False)
        return prepared

    def _introduction_links(self, person_id: UUID, now: datetime) -> IntroductionLinks:
        correct, erase = (
            SignedLink(
                purpose=purpose,
                identifier=person_id,
                subject_id=person_id,
                revision=0,
                person_id=person_id,
                issued_at=now,
                expires_at=now + INTRODUCTION_LINKS_LAST,
            )
            for purpose in (Purpose.CORRECTION, Purpose.ERASURE)
        )
        return IntroductionLinks(correct=self._signer.sign(correct), erase=self._signer.sign(erase))
