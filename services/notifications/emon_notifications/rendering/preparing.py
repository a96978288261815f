"""From facts to a mail that was read back: what `prepare` returns says what was meant, or `prepare` raises."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage
from html import escape
from typing import cast

from emon_calendar.itip import CalendarEvent, CalendarPart, UnfaithfulCalendar, meeting_cancel, meeting_request
from emon_contracts.values import Locale
from emon_notifications.rendering.facts import (
    AddressFacts,
    Facts,
    FeedbackFacts,
    IntroductionFacts,
    IntroductionLinks,
    MailKind,
    MeetingFacts,
    NoFacts,
    Part,
    PersonalLink,
    Recipient,
    Sender,
    SignInFacts,
)
from emon_notifications.rendering.mail import PreparedMail, assemble
from emon_notifications.rendering.safety import demand_address, demand_safe
from emon_notifications.rendering.templates import (
    CORRECTION,
    ERASURE,
    GAP,
    GREETED_NAME,
    MailTexts,
    person_gap,
    render,
    token_gap,
)

_SAMPLE_NAME = 'Zoë "Zo" Beispiel-Çelik, M.A. <& Söhne> ' + "ä" * 40
_SAMPLE_TOKEN = "Aa0-_" * 35


class RenderingError(RuntimeError):
    """A mail reads back differently from what was meant. Nothing was sent; the texts or templates have to be mended."""


_FACTS: Mapping[MailKind, type[Facts]] = {
    MailKind.INVITATION: MeetingFacts,
    MailKind.CHANGE: MeetingFacts,
    MailKind.CANCELLATION: MeetingFacts,
    MailKind.SIGN_IN: SignInFacts,
    MailKind.INTRODUCTION: NoFacts,
    MailKind.ADDRESS_CONFIRMATION: AddressFacts,
    MailKind.ADDRESS_CHANGED: NoFacts,
}
"""What each kind of mail says. All others are about feedback."""


def prepare(
    kind: MailKind, locale: Locale, facts: Facts, sender: Sender, now: datetime, introduction: IntroductionFacts | None = None
) -> PreparedMail:
    """Makes the mail of an event in one language, ready to be filled for each recipient. Takes some milliseconds.

    With an `introduction`, it also tells the recipients who entered them.

    Raises UnsafeHeader where a text of a user must not stand in a header, RenderingError where the finished mail does
    not read back as meant, TypeError where the facts are not those of the kind.
    """
    if not isinstance(facts, _FACTS.get(kind, FeedbackFacts)) or (kind is MailKind.INTRODUCTION and introduction is None):
        raise TypeError(f"{type(facts).__name__} are not the facts of a mail of kind {kind}")
    _demand_safe_texts(facts, sender, *(() if introduction is None else (introduction, *introduction.parts)))
    texts = render(kind, locale, facts, sender, introduction)
    try:
        calendar = _calendar_part(kind, facts, sender, now) if isinstance(facts, MeetingFacts) else None
    except UnfaithfulCalendar as error:
        raise RenderingError(str(error)) from error
    mail = assemble(kind, locale, texts, calendar, sender, now, links=facts.links, introduces=introduction is not None)
    _demand_faithful(mail, texts, sender)
    return mail


def _demand_safe_texts(facts: Facts, sender: Sender, *introduction: IntroductionFacts | Part) -> None:
    for source in (facts, sender, *introduction):
        for field in fields(source):
            value = getattr(source, field.name)
            if isinstance(value, str):
                demand_safe(value, f"{type(source).__name__}.{field.name}")
    demand_address(sender.address, "the sender's address")
    demand_address(sender.reply_to, "the reply address")


def _calendar_part(kind: MailKind, facts: MeetingFacts, sender: Sender, now: datetime) -> CalendarPart:
    event = CalendarEvent(
        uid=f"{facts.meeting_id}@{sender.domain}",
        revision=facts.revision,
        title=facts.title,
        start=facts.start,
        duration_minutes=facts.duration_minutes,
        place=facts.place,
        link=facts.link,
        organiser_name=sender.name,
        organiser_address=sender.reply_to,
    )
    return meeting_cancel(event, now) if kind is MailKind.CANCELLATION else meeting_request(event, now)


def _demand_faithful(mail: PreparedMail, texts: MailTexts, sender: Sender) -> None:
    """Fills the mail for somebody whose name needs every kind of escaping, and reads it as a mail program would."""
    links = tuple(PersonalLink(f"{index} {_SAMPLE_NAME}", _SAMPLE_TOKEN) for index in range(mail.links))
    introduction = IntroductionLinks(_SAMPLE_TOKEN, _SAMPLE_TOKEN[::-1]) if mail.introduces else None
    sample = Recipient(_SAMPLE_NAME, "zoe@example.org", "sample@example.org", links, introduction)
    message = message_from_bytes(mail.fill(sample), policy=policy.SMTP)
    meant = {
        "subject": texts.subject,
        "from": _without_spaces(f"{sender.name} {sender.address}"),
        "reply-to": _without_spaces(f"{sender.name} {sender.reply_to}"),
        "to": _without_spaces(f"{_SAMPLE_NAME} {sample.email}"),
        "message-id": f"<{sample.message_id}>",
        "text/plain": _with_values(texts.text, sample, in_html=False),
        "text/html": _with_values(texts.html, sample, in_html=True),
    }
    if mail.calendar is not None:
        calendar = mail.calendar.fill(sample.display_name, sample.email).decode().replace("\r\n", "\n")
        meant |= {"text/calendar": calendar, "application/ics": calendar, "method": mail.calendar.method}
    read = {"subject": str(message["subject"]), "message-id": str(message["message-id"])}
    read |= {name: _single_mailbox(message, name) for name in ("from", "reply-to", "to")}
    for part in message.walk():
        if not part.is_multipart():
            read[part.get_content_type()] = cast("bytes", part.get_payload(decode=True)).decode().replace("\r\n", "\n")
        if part.get_content_type() == "text/calendar":
            read["method"] = str(part.get_param("method"))
    different = sorted(key for key in meant.keys() | read.keys() if meant.get(key) != read.get(key))
    if different or message.defects:
        raise RenderingError(f"a mail of kind {mail.kind} reads back differently in {', '.join(different) or 'its structure'}")


def _single_mailbox(message: EmailMessage, name: str) -> str:
    addresses = cast("tuple[Address, ...]", message[name].addresses)
    return _without_spaces(" and ".join(f"{address.display_name} {address.addr_spec}" for address in addresses))


def _without_spaces(text: str) -> str:
    """Python keeps the space between the encoded words of a phrase, which RFC 2047 section 6.2 wants ignored."""
    return "".join(text.split())


def _with_values(text: str, recipient: Recipient, *, in_html: bool) -> str:
    """The text with the recipient's values in its gaps: what `PreparedMail.fill` is to arrive at by another way."""
    values = {GREETED_NAME: f" {recipient.display_name}"}
    for index, link in enumerate(recipient.links):
        values |= {person_gap(index): link.person_name, token_gap(index): link.token}
    if recipient.introduction is not None:
        values |= {CORRECTION: recipient.introduction.correct, ERASURE: recipient.introduction.erase}
    sections = text.split(GAP)
    sections[1::2] = [escape(values[key]) if in_html else values[key] for key in sections[1::2]]
    return "".join(sections)
