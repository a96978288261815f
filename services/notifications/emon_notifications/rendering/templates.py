"""Jinja2 templates of mails, with gaps where a recipient's values go.

A gap is a key between NUL characters: no text of a user holds NUL, so that nobody can write one.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import FileSystemLoader, StrictUndefined, select_autoescape
from jinja2.sandbox import SandboxedEnvironment

from emon_contracts.events.feedback import Awaited
from emon_contracts.values import Locale
from emon_notifications.rendering import wording
from emon_notifications.rendering.facts import (
    AddressFacts,
    Facts,
    FeedbackFacts,
    IntroductionFacts,
    MailKind,
    MeetingFacts,
    NoFacts,
    Sender,
    SignInFacts,
)

GAP = "\x00"
GREETED_NAME = "greeted_name"
CORRECTION = "link:correction"
ERASURE = "link:erasure"
_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class _LinkGap:
    """How templates see a personal link: the words that stand there, and the gaps in them."""

    person_name: str
    url: str


@dataclass(frozen=True, slots=True)
class MailTexts:
    """A mail in one language, with gaps in text and html. The subject has none."""

    subject: str
    text: str
    html: str


def person_gap(index: int) -> str:
    """The key of the name over a link."""
    return f"person:{index}"


def token_gap(index: int) -> str:
    """The key of a link's token."""
    return f"token:{index}"


def render(
    kind: MailKind, locale: Locale, facts: Facts, sender: Sender, introduction: IntroductionFacts | None = None
) -> MailTexts:
    """Renders the three templates of a kind. The facts were found safe before."""
    language = wording.written_language(locale)
    context = _context(facts, sender, introduction, language)
    subject, text, html = (
        _environment().get_template(f"{kind}/{language}/{name}").render(context)
        for name in ("subject.txt", "body.txt", "body.html")
    )
    return MailTexts(subject.removesuffix("\n"), text, html)


def _context(facts: Facts, sender: Sender, introduction: IntroductionFacts | None, language: Locale) -> dict[str, object]:
    # The link in a sign-in mail opens a session; any other shows one thing, see emon_platform.signed_links.
    signs_in = isinstance(facts, SignInFacts)
    origin, path = (sender.sign_in_url, "/sign-in?token=") if signs_in else (sender.public_url, "/links/")
    return {
        "sender": sender,
        "greeted_name": _gap(GREETED_NAME),
        "links": [_LinkGap(_gap(person_gap(index)), _url(origin, path, token_gap(index))) for index in range(facts.links)],
        "language": language.value,
        "introduction": None if introduction is None else _introduction(introduction, sender, language),
        **_words(facts, language),
    }


def _words(facts: Facts, language: Locale) -> dict[str, object]:
    match facts:
        case MeetingFacts():
            return {
                "meeting": facts,
                "meeting_kind": wording.meeting_kind_in_words(facts.kind, language),
                "when": wording.moment_in_words(facts.start, language),
                "duration": wording.duration_in_words(facts.duration_minutes, language),
                # Anything but these (say, "javascript:") is shown and not made a link.
                "link_is_web_address": (facts.link or "").lower().startswith(("https://", "http://")),
            }
        case SignInFacts():
            return {"expires": wording.instant_in_words(facts.expires_at, language)}
        case FeedbackFacts():
            return {
                "feedback": facts,
                "feedback_kind": wording.feedback_kind_in_words(facts.kind, language),
                "due_by": None if facts.due_by is None else wording.day_in_words(facts.due_by, language),
                "answer_is_awaited": facts.awaited is Awaited.ANSWER,
            }
        case AddressFacts():
            return {
                "expires": wording.instant_in_words(facts.expires_at, language),
                "by_themself": facts.by_themself,
            }
        case NoFacts():
            return {}


def _introduction(introduction: IntroductionFacts, sender: Sender, language: Locale) -> dict[str, object]:
    return {
        "entered_by": introduction.entered_by,
        "parts": [
            wording.part_in_words(part.role, part.organisation, part.municipality, language) for part in introduction.parts
        ],
        "correct_url": _url(sender.public_url, "/links/", CORRECTION),
        "erase_url": _url(sender.public_url, "/links/", ERASURE),
    }


def _url(origin: str, path: str, key: str) -> str:
    return origin.rstrip("/") + path + _gap(key)


def _gap(key: str) -> str:
    return GAP + key + GAP


@cache
def _environment() -> SandboxedEnvironment:
    environment = SandboxedEnvironment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters |= {"paragraph": wording.paragraph, "row": wording.row, "indented": wording.indented}
    return environment
