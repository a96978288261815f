"""Jinja2 templates of mails, with gaps where a recipient's values go.

A gap is a key between NUL characters: no text of a user holds NUL, so that nobody can write one.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import FileSystemLoader, StrictUndefined, select_autoescape
from jinja2.sandbox import SandboxedEnvironment

from emon_contracts.values import Locale
from emon_notifications.rendering import wording
from emon_notifications.rendering.facts import MailKind, MeetingFacts, Sender, SignInFacts

GAP = "\x00"
GREETED_NAME = "greeted_name"
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


def render(kind: MailKind, locale: Locale, facts: MeetingFacts | SignInFacts, sender: Sender) -> MailTexts:
    """Renders the three templates of a kind. The facts were found safe before."""
    language = wording.written_language(locale)
    context = _context(facts, sender, language)
    subject, text, html = (
        _environment().get_template(f"{kind}/{language}/{name}").render(context)
        for name in ("subject.txt", "body.txt", "body.html")
    )
    return MailTexts(subject.removesuffix("\n"), text, html)


def link_url(facts: MeetingFacts | SignInFacts, sender: Sender, token: str) -> str:
    """Where a link leads: the page that shows an invitation, or the one that signs in."""
    path = "/links/" if isinstance(facts, MeetingFacts) else "/sign-in?token="
    return sender.public_url.rstrip("/") + path + token


def _context(facts: MeetingFacts | SignInFacts, sender: Sender, language: Locale) -> dict[str, object]:
    count = 1 if isinstance(facts, MeetingFacts) else facts.people
    links = [_LinkGap(_gap(person_gap(index)), link_url(facts, sender, _gap(token_gap(index)))) for index in range(count)]
    shared: dict[str, object] = {"sender": sender, "greeted_name": _gap(GREETED_NAME), "links": links, "language": language.value}
    if isinstance(facts, SignInFacts):
        return shared | {"expires": wording.instant_in_words(facts.expires_at, language)}
    return shared | {
        "meeting": facts,
        "meeting_kind": wording.meeting_kind_in_words(facts.kind, language),
        "when": wording.moment_in_words(facts.start, language),
        "duration": wording.duration_in_words(facts.duration_minutes, language),
        # Anything but these (say, "javascript:") is shown and not made a link.
        "link_is_web_address": (facts.link or "").lower().startswith(("https://", "http://")),
    }


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
