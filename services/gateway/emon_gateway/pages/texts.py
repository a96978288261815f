"""What the pages say, in German and in English, and how they write dates."""

from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from emon_gateway.pages import feedback_texts

LANGUAGES = ("de", "en")
PLATFORM_ZONE = "Europe/Berlin"

Texts = Mapping[str, str]

_GERMAN: Texts = {
    "other_language": "English",
    "skip": "Zum Inhalt",
    "purpose": "Haupt- und Ehrenamt in der Flüchtlingshilfe",
    "sign_in": "Anmelden",
    "sign_in_intro": "Sie brauchen kein Passwort. Wir schicken Ihnen einen Link an Ihre E-Mail-Adresse, mit "
    "dem Sie sich anmelden.",
    "email": "E-Mail-Adresse",
    "email_hint": "Die Adresse, unter der Sie bei EmON eingetragen sind",
    "email_malformed": "Bitte geben Sie eine E-Mail-Adresse ein, zum Beispiel name@example.org.",
    "send_link": "Link schicken",
    "sent": "Die E-Mail ist unterwegs",
    "sent_intro": "Wenn diese Adresse bei EmON eingetragen ist, kommt in wenigen Minuten eine E-Mail mit "
    "einem Link zum Anmelden.",
    "sent_valid": "Der Link gilt 30 Minuten und für eine Anmeldung.",
    "sent_missing": "Nichts angekommen? Sehen Sie bitte im Spam-Ordner nach, oder fragen Sie Ihre Ansprechperson, "
    "welche Adresse eingetragen ist.",
    "again": "Noch einen Link schicken",
    "confirm": "Anmelden als {name}",
    "confirm_intro": "Mit diesem Link melden Sie sich als {name} an. Er gilt für eine Anmeldung.",
    "confirm_not_you": "Wenn Sie das nicht sind, schließen Sie diese Seite einfach.",
    "confirm_button": "Jetzt anmelden",
    "signed_in": "Sie sind angemeldet",
    "signed_in_as": "Angemeldet als {name} bis {until}.",
    "access_token": "Zugangsschlüssel",
    "access_token_intro": "Mit diesem Schlüssel arbeiten Programme in Ihrem Namen, als „Authorization: Bearer …“. "
    "Er wird nur jetzt angezeigt. Geben Sie ihn niemandem weiter.",
    "link-used": "Dieser Link wurde schon benutzt",
    "link-used_intro": "Jeder Link gilt für eine Anmeldung. Fordern Sie bitte einen neuen an.",
    "link-expired": "Dieser Link ist abgelaufen",
    "link-expired_intro": "Ein Link zum Anmelden gilt 30 Minuten. Fordern Sie bitte einen neuen an.",
    "link-invalid": "Dieser Link ist unvollständig",
    "link-invalid_intro": "Vielleicht hat das E-Mail-Programm ihn umbrochen. Kopieren Sie bitte den ganzen Link aus der E-Mail, "
    "oder fordern Sie einen neuen an.",
    "new_link": "Neuen Link anfordern",
    "too_many": "Zu viele Versuche",
    "too_many_intro": "Bitte warten Sie eine Minute und versuchen Sie es dann noch einmal.",
    "foreign_form": "Das Formular kam von einer anderen Website",
    "foreign_form_intro": "Zu Ihrem Schutz wurde nichts getan. Öffnen Sie bitte diese Seite selbst und "
    "versuchen Sie es noch einmal.",
    "round_table": "Runder Tisch",
    "exchange": "Regelmäßiger Austausch",
    "you_are_invited": "Sie sind eingeladen",
    "when": "Wann",
    "where": "Wo",
    "online": "Online",
    "duration": "Dauer",
    "cancelled": "Abgesagt: Dieses Treffen findet nicht statt.",
    "changed": "Seit der E-Mail, aus der Sie kommen, hat sich das Treffen geändert. Hier steht der neue Stand.",
    "started": "Dieses Treffen hat schon begonnen. Antworten können Sie hier nicht mehr.",
    "reply_unrecorded": "Das Treffen hat sich inzwischen geändert. Ihre Antwort wurde nicht eingetragen. Bitte "
    "sehen Sie sich den neuen Stand an und antworten Sie noch einmal.",
    "reply_question": "Kommen Sie?",
    "reply_accepted": "Ich komme",
    "reply_declined": "Ich komme nicht",
    "reply_tentative": "Vielleicht",
    "your_reply": "Ihre Antwort:",
    "reply_change": "Antwort ändern",
    "reply_may_change": "Bis das Treffen beginnt, können Sie Ihre Antwort hier ändern.",
    "earlier_reply": "Ihre Antwort zum früheren Termin oder Ort war:",
    "reply_again": "Bitte antworten Sie noch einmal für den neuen Stand.",
    "page-link-expired": "Dieser Link ist abgelaufen",
    "page-link-expired_intro": "Worum es ging, ist vorbei, oder der Link ist zu alt. Fragen Sie bitte Ihre Ansprechperson.",
    "page-link-invalid": "Diesen Link gibt es nicht",
    "page-link-invalid_intro": "Vielleicht hat das E-Mail-Programm ihn umbrochen: Kopieren Sie bitte den "
    "ganzen Link aus der E-Mail. "
    "Oder was er zeigte, gibt es nicht mehr.",
    "unavailable": "Das geht gerade nicht",
    "unavailable_intro": "Die Seite lässt sich im Augenblick nicht laden. Bitte versuchen Sie es in ein "
    "paar Minuten noch einmal.",
    "footer": "EmON – Emergente Organisations-Netzwerke. Diese Seite setzt keine Cookies.",
}

_ENGLISH: Texts = {
    "other_language": "Deutsch",
    "skip": "Skip to content",
    "purpose": "Staff and volunteers in refugee aid",
    "sign_in": "Sign in",
    "sign_in_intro": "You need no password. We send a link to your e-mail address, and the link signs you in.",
    "email": "E-mail address",
    "email_hint": "The address under which EmON knows you",
    "email_malformed": "Please enter an e-mail address, for example name@example.org.",
    "send_link": "Send the link",
    "sent": "The e-mail is on its way",
    "sent_intro": "If EmON knows this address, an e-mail with a sign-in link arrives within a few minutes.",
    "sent_valid": "The link is valid for 30 minutes and signs you in once.",
    "sent_missing": "Nothing arrived? Please look into the spam folder, or ask your contact person which address EmON has.",
    "again": "Send another link",
    "confirm": "Sign in as {name}",
    "confirm_intro": "This link signs you in as {name}. It works once.",
    "confirm_not_you": "If that is not you, simply close this page.",
    "confirm_button": "Sign in now",
    "signed_in": "You are signed in",
    "signed_in_as": "Signed in as {name} until {until}.",
    "access_token": "Access token",
    "access_token_intro": "With this token programs act in your name, as “Authorization: Bearer …”. It is shown only now. "
    "Do not pass it on to anybody.",
    "link-used": "This link was used already",
    "link-used_intro": "Each link signs in once. Please ask for a new one.",
    "link-expired": "This link has expired",
    "link-expired_intro": "A sign-in link is valid for 30 minutes. Please ask for a new one.",
    "link-invalid": "This link is incomplete",
    "link-invalid_intro": "Perhaps your mail program broke it into lines. Please copy the whole link from the "
    "e-mail, or ask for a new one.",
    "new_link": "Ask for a new link",
    "too_many": "Too many attempts",
    "too_many_intro": "Please wait for a minute and try again.",
    "foreign_form": "The form came from another website",
    "foreign_form_intro": "To protect you nothing was done. Please open this page yourself and try again.",
    "round_table": "Round table",
    "exchange": "Regular exchange",
    "you_are_invited": "You are invited",
    "when": "When",
    "where": "Where",
    "online": "Online",
    "duration": "Duration",
    "cancelled": "Cancelled: this meeting does not take place.",
    "changed": "The meeting was changed since the e-mail that brought you here. This is the new state.",
    "started": "This meeting has already started. You can no longer reply here.",
    "reply_unrecorded": "The meeting was changed in the meantime. Your reply was not recorded. Please look at the "
    "new state and reply again.",
    "reply_question": "Are you coming?",
    "reply_accepted": "I am coming",
    "reply_declined": "I am not coming",
    "reply_tentative": "Perhaps",
    "your_reply": "Your reply:",
    "reply_change": "Change your reply",
    "reply_may_change": "You can change your reply here until the meeting starts.",
    "earlier_reply": "Your reply to the earlier time or place was:",
    "reply_again": "Please reply again, for the new state.",
    "page-link-expired": "This link has expired",
    "page-link-expired_intro": "What it was about is over, or the link is too old. Please ask your contact person.",
    "page-link-invalid": "There is no such link",
    "page-link-invalid_intro": "Perhaps your mail program broke it into lines: please copy the whole link from the e-mail. "
    "Or what it showed is gone.",
    "unavailable": "Not possible at the moment",
    "unavailable_intro": "The page cannot be loaded right now. Please try again in a few minutes.",
    "footer": "EmON – emergent networks of organisations. This page sets no cookies.",
}

_TEXTS: Mapping[str, Texts] = {
    "de": {**_GERMAN, **feedback_texts.GERMAN},
    "en": {**_ENGLISH, **feedback_texts.ENGLISH},
}

_GERMAN_DAYS = ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")
_ENGLISH_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_GERMAN_MONTHS = (
    "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember",
)  # fmt: skip
_ENGLISH_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def texts_in(language: str) -> Texts:
    """Every text of the pages."""
    return _TEXTS[language]


def wall_clock_text(local: datetime, time_zone: str, language: str) -> str:
    """A time as it stands on the wall, with its weekday; the zone is named where it is not the platform's own."""
    clock = f"{local.hour}:{local.minute:02}"
    text = f"{day_text(local.date(), language)}, {clock}{' Uhr' if language == 'de' else ''}"
    return text if time_zone == PLATFORM_ZONE else f"{text} ({time_zone})"


def day_text(day: date, language: str) -> str:
    """A day with its weekday."""
    if language == "de":
        return f"{_GERMAN_DAYS[day.weekday()]}, {day.day}. {_GERMAN_MONTHS[day.month - 1]} {day.year}"
    return f"{_ENGLISH_DAYS[day.weekday()]}, {day.day} {_ENGLISH_MONTHS[day.month - 1]} {day.year}"


def moment_text(moment: datetime, language: str) -> str:
    """A moment on the clocks of Baden-Württemberg."""
    return wall_clock_text(moment.astimezone(ZoneInfo(PLATFORM_ZONE)), PLATFORM_ZONE, language)


def duration_text(minutes: int, language: str) -> str:
    """Such as `1 Std. 30 Min.`"""
    days, rest = divmod(minutes, 24 * 60)
    hours, left = divmod(rest, 60)
    german = ((days, "Tag" if days == 1 else "Tage"), (hours, "Std."), (left, "Min."))
    english = ((days, "day" if days == 1 else "days"), (hours, "h"), (left, "min"))
    parts = german if language == "de" else english
    return " ".join(f"{number} {unit}" for number, unit in parts if number)
