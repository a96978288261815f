"""Mails as people and mail programs read them."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import example, given, settings, strategies as st
from icalendar import Calendar
from pydantic import TypeAdapter, ValidationError

from emon_contracts.actors import Role
from emon_contracts.events.feedback import Awaited, FeedbackKind
from emon_contracts.events.meetings import MeetingKind
from emon_contracts.values import Locale, Title, ZonedDateTime
from emon_notifications.rendering import (
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
    UnsafeHeader,
    prepare,
)
from emon_notifications.rendering.wording import duration_in_words, instant_in_words, moment_in_words

NOW = datetime(2027, 3, 1, 8, 0, tzinfo=UTC)
START = ZonedDateTime(local=datetime(2027, 3, 18, 18, 0), time_zone="Europe/Berlin")
SENDER = Sender(
    "EmON", "noreply@emon.example", "antwort@emon.example", "emon.example", "https://emon.example", "https://emon.example"
)
FACTS = MeetingFacts(
    meeting_id=UUID("01920000-0000-7000-8000-000000000001"),
    kind=MeetingKind.ROUND_TABLE,
    title="Runder Tisch: Wohnen & Sprache",
    start=START,
    starts_at=START.instant(),
    duration_minutes=90,
    place="Rathaus, Großer Saal",
    link="https://meet.example.org/a?b=1",
    revision=3,
    municipality_name="Ilsfeld",
)
TOKEN = "Aa0-_bCd" * 21 + "Wxyz"
ERIKA = Recipient("Erika Süß", "erika@example.org", "0192.1@emon.example", (PersonalLink("Erika Süß", TOKEN),))
MEETING_KINDS = (MailKind.INVITATION, MailKind.CHANGE, MailKind.CANCELLATION)
ADDRESS = AddressFacts(expires_at=datetime(2027, 3, 4, 8, 15, tzinfo=UTC), by_themself=True)
SIGN_IN = SignInFacts(expires_at=datetime(2027, 3, 1, 8, 15, tzinfo=UTC), people=1)


FEEDBACK = FeedbackFacts(FeedbackKind.PROBLEM, Awaited.ANSWER, date(2027, 3, 18), "Ilsfeld")
INTRODUCTION = IntroductionFacts("Kim Koordination", (Part(Role.VOLUNTEER, "Helferkreis Nord", "Ilsfeld"),))
CORRECT, ERASE = "Corr-_" * 28 + "Wxyz", "Eras-_" * 28 + "Wxyz"
ADDRESS_KINDS = (MailKind.ADDRESS_CONFIRMATION, MailKind.ADDRESS_CHANGED)
FEEDBACK_KINDS = tuple(kind for kind in MailKind if kind.startswith("feedback_"))


def fill(kind: MailKind, locale: Locale, facts: Facts = FACTS, recipient: Recipient = ERIKA) -> bytes:
    """A mail; the kind that does nothing but introduce does so."""
    if kind is MailKind.INTRODUCTION:
        return introducing(kind, locale)
    if kind is MailKind.ADDRESS_CHANGED:
        recipient = replace(recipient, links=())
    return prepare(kind, locale, facts, SENDER, NOW).fill(recipient)


def introducing(kind: MailKind, locale: Locale, introduction: IntroductionFacts = INTRODUCTION) -> bytes:
    """A mail within which the reader is told who entered them."""
    facts = facts_of(kind)
    recipient = replace(ERIKA, links=ERIKA.links[: facts.links], introduction=IntroductionLinks(correct=CORRECT, erase=ERASE))
    return prepare(kind, locale, facts, SENDER, NOW, introduction).fill(recipient)


def parse(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=policy.SMTP)
    assert not message.defects
    return message


def part(message: EmailMessage, content_type: str) -> str:
    (found,) = (each for each in message.walk() if each.get_content_type() == content_type)
    return cast("bytes", found.get_payload(decode=True)).decode().replace("\r\n", "\n")


def facts_of(kind: MailKind) -> Facts:
    if kind in FEEDBACK_KINDS:
        return FEEDBACK
    others: dict[MailKind, Facts] = {
        MailKind.SIGN_IN: SIGN_IN,
        MailKind.INTRODUCTION: NoFacts(),
        MailKind.ADDRESS_CONFIRMATION: ADDRESS,
        MailKind.ADDRESS_CHANGED: NoFacts(),
    }
    return others.get(kind, FACTS)


@pytest.mark.parametrize("locale", Locale)
@pytest.mark.parametrize("kind", MailKind)
def test_every_mail_says_why_it_came_and_whom_to_ask(kind: MailKind, locale: Locale) -> None:
    message = parse(fill(kind, locale, facts_of(kind)))
    english = locale is Locale.EN
    for content_type in ("text/plain", "text/html"):
        text = " ".join(part(message, content_type).split())
        assert ("You receive this e-mail because" if english else "Sie bekommen diese E-Mail, weil") in text
        assert ("Simply reply to this e-mail." if english else "Antworten Sie einfach auf diese E-Mail.") in text
        assert ("Hello Erika Süß," if english else "Guten Tag Erika Süß,") in text
        assert ("Ilsfeld" in text) is (kind is not MailKind.SIGN_IN and kind not in ADDRESS_KINDS)
    assert message["Reply-To"].addresses[0].addr_spec == "antwort@emon.example"
    assert message["From"].addresses[0].addr_spec == "noreply@emon.example"
    assert message["To"].addresses[0].addr_spec == "erika@example.org"
    assert message["Message-ID"] == "<0192.1@emon.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == ("en" if english else "de")
    assert message["Date"].datetime == NOW


@pytest.mark.parametrize("locale", Locale)
@pytest.mark.parametrize("kind", MEETING_KINDS)
def test_a_mail_about_a_meeting_has_its_title_facts_and_link(kind: MailKind, locale: Locale) -> None:
    message = parse(fill(kind, locale))
    assert FACTS.title in message["Subject"]
    text = part(message, "text/plain")
    when = "Thursday, 18 March 2027, 18:00" if locale is Locale.EN else "Donnerstag, 18. März 2027, 18:00 Uhr"
    for fact in (FACTS.title, f"{when} (Europe/Berlin)", "Rathaus, Großer Saal", "https://meet.example.org/a?b=1"):
        assert fact in text
    assert f"https://emon.example/links/{TOKEN}" in text.splitlines()
    assert f'href="https://emon.example/links/{TOKEN}"' in part(message, "text/html")


@pytest.mark.parametrize("locale", Locale)
@pytest.mark.parametrize("kind", MailKind)
def test_mails_are_seven_bit_with_short_lines(kind: MailKind, locale: Locale) -> None:
    raw = fill(kind, locale, facts_of(kind))
    assert raw.isascii()
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", raw)
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    assert max(len(line) for line in part(parse(raw), "text/plain").splitlines() if "https://" not in line) <= 72
    assert "\n\n\n" not in part(parse(raw), "text/plain")


@pytest.mark.parametrize("kind", MailKind)
def test_html_loads_nothing_from_anywhere(kind: MailKind) -> None:
    html = part(parse(fill(kind, Locale.DE, facts_of(kind))), "text/html")
    assert not re.search(r"<(img|link|script|iframe|object|style)|url\(|@import|\ssrc=", html, re.IGNORECASE)
    assert 'lang="de"' in html


@pytest.mark.parametrize(
    ("kind", "method"), [(MailKind.INVITATION, "REQUEST"), (MailKind.CHANGE, "REQUEST"), (MailKind.CANCELLATION, "CANCEL")]
)
def test_the_calendar_part_is_what_imip_wants(kind: MailKind, method: str) -> None:
    message = parse(fill(kind, Locale.DE))
    (calendar_part,) = (each for each in message.walk() if each.get_content_type() == "text/calendar")
    assert calendar_part.get_param("method") == method
    assert calendar_part.get_content_charset() == "utf-8"
    assert part(message, "text/calendar") == part(message, "application/ics")
    calendar = cast("Any", Calendar.from_ical(part(message, "text/calendar").replace("\n", "\r\n")))
    (event,) = calendar.walk("VEVENT")
    assert calendar["method"] == method
    assert event["uid"] == "01920000-0000-7000-8000-000000000001@emon.example"
    assert event["sequence"] == 3
    assert event["organizer"] == "mailto:antwort@emon.example"
    assert event["attendee"] == "mailto:erika@example.org"
    assert event["attendee"].params["CN"] == "Erika Süß"
    assert TOKEN not in part(message, "text/calendar")  # calendars are shared, personal links are not


def test_where_there_is_a_dashboard_its_sign_in_links_lead_there_and_all_others_to_the_gateway() -> None:
    dashboard = replace(SENDER, sign_in_url="https://dashboard.example/")
    signing_in = part(parse(prepare(MailKind.SIGN_IN, Locale.DE, SIGN_IN, dashboard, NOW).fill(ERIKA)), "text/plain")
    assert f"https://dashboard.example/sign-in?token={TOKEN}" in signing_in.splitlines()
    invitation = part(parse(prepare(MailKind.INVITATION, Locale.DE, FACTS, dashboard, NOW).fill(ERIKA)), "text/plain")
    assert f"https://emon.example/links/{TOKEN}" in invitation
    assert "dashboard" not in invitation


@pytest.mark.parametrize("locale", Locale)
def test_a_sign_in_mail_has_its_link_on_a_line_of_its_own(locale: Locale) -> None:
    message = parse(fill(MailKind.SIGN_IN, locale, SIGN_IN))
    assert f"https://emon.example/sign-in?token={TOKEN}" in part(message, "text/plain").splitlines()
    assert message.get_content_type() == "multipart/alternative"
    assert "09:15" in part(message, "text/plain")


def test_two_people_with_one_mailbox_get_a_link_each_under_their_names() -> None:
    tokens = ("A" * 172, "B" * 172)
    links = (PersonalLink("Anna <b>", tokens[0]), PersonalLink("Bernd Süß", tokens[1]))
    recipient = Recipient(None, "beide@example.org", "1@emon.example", links)
    message = parse(fill(MailKind.SIGN_IN, Locale.DE, replace(SIGN_IN, people=2), recipient))
    lines = part(message, "text/plain").splitlines()
    for name, token in (("Anna <b>", tokens[0]), ("Bernd Süß", tokens[1])):
        assert lines[lines.index(f"{name}:") + 1] == f"https://emon.example/sign-in?token={token}"
    assert lines[0] == "Guten Tag,"
    assert "Anna &lt;b&gt;:" in part(message, "text/html")
    assert str(message["To"]) == "beide@example.org"


@pytest.mark.parametrize("locale", Locale)
def test_the_question_to_a_new_address_says_who_gave_it_until_when_and_has_its_link(locale: Locale) -> None:
    for by_themself, says in (
        (True, "You want e-mail" if locale is Locale.EN else "Sie möchten E-Mails"),
        (False, "Your coordinator gave" if locale is Locale.EN else "Ihre Koordination hat"),
    ):
        message = parse(fill(MailKind.ADDRESS_CONFIRMATION, locale, replace(ADDRESS, by_themself=by_themself)))
        text = part(message, "text/plain")
        assert f"https://emon.example/links/{TOKEN}" in text.splitlines()
        assert f'href="https://emon.example/links/{TOKEN}"' in part(message, "text/html")
        assert says in " ".join(text.split())
        assert ("Thursday, 4 March 2027, 09:15" if locale is Locale.EN else "Donnerstag, 4. März 2027, 09:15 Uhr") in text


@pytest.mark.parametrize("locale", Locale)
def test_the_notice_to_a_former_address_says_what_to_do_and_names_no_address(locale: Locale) -> None:
    text = " ".join(part(parse(fill(MailKind.ADDRESS_CHANGED, locale, NoFacts())), "text/plain").split())
    assert ("reply to this e-mail at once" if locale is Locale.EN else "antworten Sie bitte gleich auf diese E-Mail") in text
    assert "/links/" not in text
    assert "@" not in text


def test_the_number_of_links_has_to_fit() -> None:
    with pytest.raises(ValueError, match="2 links got 1"):
        prepare(MailKind.SIGN_IN, Locale.DE, replace(SIGN_IN, people=2), SENDER, NOW).fill(ERIKA)


@pytest.mark.parametrize("locale", Locale)
@pytest.mark.parametrize("kind", FEEDBACK_KINDS)
def test_a_mail_about_feedback_says_what_is_to_be_done_by_when_and_its_link(kind: MailKind, locale: Locale) -> None:
    message = parse(fill(kind, locale, FEEDBACK))
    assert message.get_content_type() == "multipart/alternative"
    text = part(message, "text/plain")
    assert "Problem" in text
    assert f"https://emon.example/links/{TOKEN}" in text.splitlines()
    assert f'href="https://emon.example/links/{TOKEN}"' in part(message, "text/html")
    day = "Thursday, 18 March 2027" if locale is Locale.EN else "Donnerstag, 18. März 2027"
    says_when = kind not in (MailKind.FEEDBACK_ANSWERED, MailKind.FEEDBACK_CONTINUED)
    assert (day in " ".join(text.split())) is says_when
    assert (day in part(message, "text/html")) is says_when
    assert "Erika" not in message["Subject"]


@pytest.mark.parametrize("kind", [MailKind.FEEDBACK_REMINDER, MailKind.FEEDBACK_ESCALATION])
def test_who_is_late_reads_what_is_awaited(kind: MailKind) -> None:
    subjects = {awaited: str(parse(fill(kind, Locale.DE, replace(FEEDBACK, awaited=awaited)))["Subject"]) for awaited in Awaited}
    assert "Bestätigung" in subjects[Awaited.ACKNOWLEDGEMENT]
    assert "Antwort" in subjects[Awaited.ANSWER]


@pytest.mark.parametrize("locale", Locale)
@pytest.mark.parametrize("kind", MailKind)
def test_any_mail_can_say_who_entered_its_reader_and_how_to_correct_and_erase(kind: MailKind, locale: Locale) -> None:
    raw = introducing(kind, locale)
    message = parse(raw)
    text, html = part(message, "text/plain"), part(message, "text/html")
    lines = text.splitlines()
    for token in (CORRECT, ERASE):
        assert f"https://emon.example/links/{token}" in lines
        assert f'href="https://emon.example/links/{token}"' in html
    for body in (text, html):
        flowing = " ".join(body.split())
        assert "Kim Koordination" in flowing
        assert "Helferkreis Nord in Ilsfeld" in flowing
        assert ("24 months" if locale is Locale.EN else "24 Monate") in flowing
        assert ("the right to complain" if locale is Locale.EN else "das Recht, sich zu beschweren") in flowing
        assert "Landesbeauftragte" in flowing
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    assert max(len(line) for line in lines if "https://" not in line) <= 72
    assert "\n\n\n" not in text
    plain = b"" if kind is MailKind.INTRODUCTION else fill(kind, locale, facts_of(kind))
    assert b"Koordination" not in plain


def test_whoever_was_entered_by_nobody_known_was_entered_by_the_administration() -> None:
    unknown = IntroductionFacts(None, (Part(Role.COORDINATOR, None, "Ilsfeld"), Part(Role.STAFF, None, None)))
    text = " ".join(part(parse(introducing(MailKind.INVITATION, Locale.DE, unknown)), "text/plain").split())
    assert "Die Verwaltung von EmON hat Sie bei EmON eingetragen, und zwar hier: Koordination in Ilsfeld" in text
    assert "None" not in text
    nothing = IntroductionFacts(None, ())
    text = " ".join(part(parse(introducing(MailKind.INVITATION, Locale.EN, nothing)), "text/plain").split())
    assert "The administration of EmON entered you at EmON, so that you can take part." in text


@pytest.mark.parametrize("text", ["Kreis\r\nBcc: x@example.org", "=?utf-8?q?x?=", "Kreis \u202egro"])
def test_names_in_an_introduction_are_looked_at_as_any_other(text: str) -> None:
    for introduction in (IntroductionFacts(text, ()), IntroductionFacts(None, (Part(Role.STAFF, text, None),))):
        with pytest.raises(UnsafeHeader):
            introducing(MailKind.INVITATION, Locale.DE, introduction)


def test_an_introduction_needs_its_links_and_only_it() -> None:
    introduces = prepare(MailKind.INVITATION, Locale.DE, FACTS, SENDER, NOW, INTRODUCTION)
    with pytest.raises(ValueError, match="introduces"):
        introduces.fill(ERIKA)
    with pytest.raises(ValueError, match="introduces"):
        prepare(MailKind.INVITATION, Locale.DE, FACTS, SENDER, NOW).fill(
            replace(ERIKA, introduction=IntroductionLinks(correct=CORRECT, erase=ERASE))
        )


def test_facts_have_to_fit_the_kind() -> None:
    with pytest.raises(TypeError):
        prepare(MailKind.INTRODUCTION, Locale.DE, NoFacts(), SENDER, NOW)
    with pytest.raises(TypeError):
        prepare(MailKind.FEEDBACK_ASKED, Locale.DE, FACTS, SENDER, NOW)
    with pytest.raises(TypeError):
        prepare(MailKind.SIGN_IN, Locale.DE, FACTS, SENDER, NOW)
    with pytest.raises(TypeError):
        prepare(MailKind.INVITATION, Locale.DE, SIGN_IN, SENDER, NOW)


UNSAFE = {
    "line feed": "Tisch\nBcc: x@example.org",
    "carriage return": "Tisch\r\nBcc: x@example.org",
    "NUL": "Tisch\x00",
    "escape": "Tisch\x1b[2J",
    "next line": "Tisch\x85Bcc: x@example.org",
    "line separator": "Tisch\u2028Bcc: x@example.org",
    "encoded word": "=?utf-8?q?Bcc:_x=40example.org?=",
    "half an encoded word": "Tisch =?utf-8?b?",
    "right-to-left override": "Tisch \u202egro.elpmaxe",
    "surrogate": "Tisch \ud800",
}
INTO: dict[str, Callable[[str], object]] = {
    "title": lambda text: fill(MailKind.INVITATION, Locale.DE, replace(FACTS, title=text)),
    "place": lambda text: fill(MailKind.INVITATION, Locale.DE, replace(FACTS, place=text)),
    "link": lambda text: fill(MailKind.INVITATION, Locale.DE, replace(FACTS, link=text)),
    "municipality": lambda text: fill(MailKind.INVITATION, Locale.DE, replace(FACTS, municipality_name=text)),
    "name": lambda text: fill(MailKind.INVITATION, Locale.DE, recipient=replace(ERIKA, display_name=text)),
    "address": lambda text: fill(MailKind.INVITATION, Locale.DE, recipient=replace(ERIKA, email=text + "@example.org")),
    "message id": lambda text: fill(MailKind.INVITATION, Locale.DE, recipient=replace(ERIKA, message_id=text + "@example.org")),
    "token": lambda text: fill(MailKind.INVITATION, Locale.DE, recipient=replace(ERIKA, links=(PersonalLink("x", text),))),
    "sender": lambda text: prepare(MailKind.INVITATION, Locale.DE, FACTS, replace(SENDER, name=text), NOW),
}


@pytest.mark.parametrize("text", UNSAFE.values(), ids=UNSAFE)
@pytest.mark.parametrize("into", INTO.values(), ids=INTO)
def test_what_would_say_something_else_in_a_header_is_refused(into: Callable[[str], object], text: str) -> None:
    with pytest.raises(UnsafeHeader) as refused:
        into(text)
    assert "Bcc" not in str(refused.value)


SURPRISING = (
    'Anna "die Rote" Müller',
    'A "quoted" \\ name',
    "Müller, Anna; <anna@example.com>",
    "Smith, John <john@example.com>, other@example.com",
    "Familie 👩‍👩‍👧‍👦 Çelik",
    "العربية שלום",
    "ä" * 200,
    "x" * 200,
    "Wort " * 40 + "Ende",
    "doppelt  getrennt",
    "(Klammer) [eckig] @ : ;",
    "<script>alert(1)</script> & {{ 7 * 7 }} {% raw %}",
    "100 % = _ ? ^",
    ". Punkt",
    "From Anfang",
)


@pytest.mark.parametrize("text", SURPRISING)
def test_surprising_text_arrives_as_it_was_written(text: str) -> None:
    facts = replace(FACTS, title=text, place=text, municipality_name=text)
    recipient = replace(ERIKA, display_name=text, links=(PersonalLink(text, TOKEN),))
    raw = fill(MailKind.CHANGE, Locale.DE, facts, recipient)
    message = parse(raw)
    assert str(message["Subject"]) == f"Geändert: {text}"
    (to,) = message["To"].addresses
    assert to.addr_spec == "erika@example.org"
    # Python's parser keeps the space between the encoded words of a name, which RFC 2047 wants ignored.
    assert to.display_name.replace(" ", "") == text.replace(" ", "")
    assert set(message.keys()) == {
        *("MIME-Version", "From", "Reply-To", "Subject", "Date", "Content-Language", "Auto-Submitted"),
        *("X-Auto-Response-Suppress", "X-EmON-Kind", "To", "Message-ID", "Content-Type"),
    }
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    assert f"Guten Tag {text}," in part(message, "text/plain")
    html = part(message, "text/html")
    assert "<script" not in html
    (event,) = cast("Any", Calendar.from_ical(part(message, "text/calendar").replace("\n", "\r\n"))).walk("VEVENT")
    assert (event["summary"], event["location"], event["attendee"].params["CN"]) == (text, text, text)


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=200))
@example("geschützte\u00a0und\u2003weite\u3000Leerzeichen")
@example("Zeile\\nende \\, \\; ^n ^' \u200b\u200f")
def test_any_title_and_name_that_is_let_in_can_be_sent(text: str) -> None:
    try:
        text = TypeAdapter[str](Title).validate_python(text)
    except ValidationError:
        return
    mail = prepare(MailKind.INVITATION, Locale.EN, replace(FACTS, title=text), SENDER, NOW)
    raw = mail.fill(replace(ERIKA, display_name=text))
    assert str(parse(raw)["Subject"]) == f"Invitation: {text}"
    assert f"Hello {text}," in part(parse(raw), "text/plain")
    assert max(map(len, raw.split(b"\r\n"))) <= 78


def test_a_link_that_is_no_web_address_is_shown_and_not_clickable() -> None:
    html = part(parse(fill(MailKind.INVITATION, Locale.DE, replace(FACTS, link="javascript:alert(1)"))), "text/html")
    assert "javascript:alert(1)" in html
    assert 'href="javascript' not in html


def test_a_meeting_without_place_link_and_municipality() -> None:
    text = part(
        parse(fill(MailKind.INVITATION, Locale.DE, replace(FACTS, place=None, link=None, municipality_name=None))), "text/plain"
    )
    assert "Wo:" not in text
    assert "Online:" not in text
    assert "Kommune" not in text
    assert "None" not in text


@pytest.mark.parametrize(
    ("minutes", "german", "english"),
    [
        (45, "45 Minuten", "45 minutes"),
        (60, "1 Stunde", "1 hour"),
        (90, "1 Stunde 30 Minuten", "1 hour 30 minutes"),
        (1441, "1 Tag 1 Minute", "1 day 1 minute"),
        (14 * 1440, "14 Tage", "14 days"),
    ],
)
def test_durations_in_words(minutes: int, german: str, english: str) -> None:
    assert duration_in_words(minutes, Locale.DE) == german
    assert duration_in_words(minutes, Locale.EN) == english


def test_dates_as_germans_and_english_write_them() -> None:
    assert moment_in_words(START, Locale.DE) == "Donnerstag, 18. März 2027, 18:00 Uhr (Europe/Berlin)"
    assert moment_in_words(START, Locale.EN) == "Thursday, 18 March 2027, 18:00 (Europe/Berlin)"
    summer = datetime(2027, 7, 4, 22, 5, 59, tzinfo=UTC)
    assert instant_in_words(summer, Locale.DE) == "Montag, 5. Juli 2027, 00:05 Uhr (Europe/Berlin)"
