"""The stage that writes mails: texts, MIME and calendar parts, once per event and language, filled for each recipient."""

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
from emon_notifications.rendering.mail import PreparedMail
from emon_notifications.rendering.preparing import RenderingError, prepare
from emon_notifications.rendering.safety import UnsafeHeader

__all__ = [
    "AddressFacts",
    "Facts",
    "FeedbackFacts",
    "IntroductionFacts",
    "IntroductionLinks",
    "MailKind",
    "MeetingFacts",
    "NoFacts",
    "Part",
    "PersonalLink",
    "PreparedMail",
    "Recipient",
    "RenderingError",
    "Sender",
    "SignInFacts",
    "UnsafeHeader",
    "prepare",
]
