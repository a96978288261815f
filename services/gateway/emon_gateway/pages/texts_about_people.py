"""What the pages about a person's own record say, in German and in English."""

from collections.abc import Mapping
from datetime import date

Texts = Mapping[str, str]

_GERMAN: Texts = {
    "record": "Was über Sie gespeichert ist",
    "record_intro": "Das steht über Sie im Verzeichnis von EmON. Ihren Namen und Ihre Sprache können Sie hier ändern; "
    "das gilt dann überall.",
    "name": "Name",
    "email": "E-Mail-Adresse",
    "no_email": "keine",
    "locale": "Sprache",
    "locale_de": "Deutsch",
    "locale_de-simple": "Deutsch in einfacher Sprache",
    "locale_en": "Englisch",
    "memberships": "Mitglied bei",
    "roles": "Weitere Rollen",
    "entered_by": "Eingetragen von",
    "working_days": "Arbeitstage",
    "absences": "Abwesend",
    "until": "bis",
    "staff": "hauptamtlich",
    "volunteer": "ehrenamtlich",
    "role_network_admin": "Verwaltung der Plattform",
    "role_coordinator": "Koordination",
    "role_staff": "hauptamtlich",
    "role_circle_speaker": "Sprecherin oder Sprecher",
    "role_volunteer": "ehrenamtlich",
    "monday": "Montag",
    "tuesday": "Dienstag",
    "wednesday": "Mittwoch",
    "thursday": "Donnerstag",
    "friday": "Freitag",
    "saturday": "Samstag",
    "sunday": "Sonntag",
    "correct": "Berichtigen",
    "name_hint": "So, wie man Sie anschreiben soll",
    "name_malformed": "Bitte geben Sie einen Namen in einer Zeile ein, höchstens 200 Zeichen.",
    "name_taken": "Unter Ihrer E-Mail-Adresse ist dieser Name schon eingetragen. Bitte geben Sie einen anderen ein.",
    "locale_malformed": "Bitte wählen Sie eine der Sprachen.",
    "save": "Speichern",
    "saved": "Gespeichert. Hier steht der neue Stand.",
    "ask": "Die Adresse ist falsch, oder eine Mitgliedschaft?",
    "ask_intro": "Antworten Sie einfach auf die E-Mail, aus der Sie kommen. Dann kümmert sich ein Mensch darum.",
    "erasure": "Meine Daten löschen",
    "erasure_about": "Es geht um {name}.",
    "erasure_about_email": "Es geht um {name} ({email}).",
    "erasure_effect": "Was dann geschieht",
    "erasure_effect_names": "Ihr Name, Ihre E-Mail-Adresse, Ihre Mitgliedschaften und Ihre Rollen werden überall gelöscht.",
    "erasure_effect_mail": "Sie bekommen keine E-Mails mehr, auch keine Einladungen. Anmelden können Sie sich nicht mehr.",
    "erasure_effect_rest": "Was bleibt, etwa dass eine Einladung verschickt wurde, steht ohne Namen da.",
    "erasure_effect_final": "Das lässt sich nicht rückgängig machen. Wer Sie neu einträgt, legt Sie neu an.",
    "erasure_button": "Endgültig löschen",
    "erasure_keep": "Wenn Sie das nicht wollen, schließen Sie diese Seite einfach.",
    "last_administrator": "Das geht noch nicht: Sie verwalten als einzige Person diese Plattform. Geben Sie diese Rolle bitte "
    "zuerst jemand anderem.",
    "erased": "Ihre Daten sind gelöscht",
    "erased_intro": "Ihr Name und Ihre Adresse stehen nicht mehr im Verzeichnis. Es wird keine E-Mail mehr an Sie geschickt; "
    "nur was schon unterwegs war, kann noch ankommen.",
    "nothing_held": "Über Sie ist nichts mehr gespeichert",
    "nothing_held_intro": "Ihre Daten wurden gelöscht. Es kommt keine E-Mail mehr. Sie können diese Seite schließen.",
}

_ENGLISH: Texts = {
    "record": "What is stored about you",
    "record_intro": "This is what the directory of EmON says about you. You can change your name and language here, and they "
    "change everywhere.",
    "name": "Name",
    "email": "E-mail address",
    "no_email": "none",
    "locale": "Language",
    "locale_de": "German",
    "locale_de-simple": "German in plain words",
    "locale_en": "English",
    "memberships": "Member of",
    "roles": "Further roles",
    "entered_by": "Entered by",
    "working_days": "Working days",
    "absences": "Away",
    "until": "to",
    "staff": "paid staff",
    "volunteer": "volunteer",
    "role_network_admin": "Administration of the platform",
    "role_coordinator": "Coordinator",
    "role_staff": "paid staff",
    "role_circle_speaker": "Speaker",
    "role_volunteer": "volunteer",
    "monday": "Monday",
    "tuesday": "Tuesday",
    "wednesday": "Wednesday",
    "thursday": "Thursday",
    "friday": "Friday",
    "saturday": "Saturday",
    "sunday": "Sunday",
    "correct": "Correct it",
    "name_hint": "As you want to be addressed",
    "name_malformed": "Please enter a name on one line, of at most 200 characters.",
    "name_taken": "This name is entered with your e-mail address already. Please choose another.",
    "locale_malformed": "Please choose one of the languages.",
    "save": "Save",
    "saved": "Saved. This is the new state.",
    "ask": "Is the address wrong, or a membership?",
    "ask_intro": "Simply answer the e-mail that brought you here, and somebody will see to it.",
    "erasure": "Erase my data",
    "erasure_about": "This is about {name}.",
    "erasure_about_email": "This is about {name} ({email}).",
    "erasure_effect": "What happens then",
    "erasure_effect_names": "Your name, your e-mail address, your memberships and your roles are erased everywhere.",
    "erasure_effect_mail": "You get no more e-mail, invitations included, and you can no longer sign in.",
    "erasure_effect_rest": "What remains, such as that an invitation was sent, bears no name.",
    "erasure_effect_final": "This cannot be undone. Whoever enters you again enters somebody new.",
    "erasure_button": "Erase for good",
    "erasure_keep": "If you do not want this, simply close this page.",
    "last_administrator": "Not yet: nobody but you administers this platform. Please give this role to somebody else first.",
    "erased": "Your data are erased",
    "erased_intro": "Your name and address are no longer in the directory. No more e-mail is sent to you; only what was on its "
    "way already may still arrive.",
    "nothing_held": "Nothing is stored about you any more",
    "nothing_held_intro": "Your data were erased. No more e-mail comes. You can close this page.",
}

_TEXTS: Mapping[str, Texts] = {"de": _GERMAN, "en": _ENGLISH}


def texts_about_people_in(language: str) -> Texts:
    """Every text of these pages."""
    return _TEXTS[language]


def day_text(day: date, language: str) -> str:
    """A day as it is written in a list."""
    return f"{day.day}.{day.month}.{day.year}" if language == "de" else f"{day:%d/%m/%Y}"
