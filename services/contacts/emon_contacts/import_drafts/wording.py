"""What a file of refused rows says to the person who mends it."""

from collections.abc import Iterable

from emon_contacts.imports.rows import RowRefusal

FIELDS = {
    "email": "E-Mail",
    "display_name": "Name",
    "locale": "Sprache",
    "organisation": "Organisation",
    "engagement": "Haupt-/Ehrenamt",
    "ags": "AGS",
}
REASONS = {
    "missing": "fehlt",
    "not-an-address": "ist keine E-Mail-Adresse wie name@example.org",
    "unknown-word": "ist keines der Wörter, die hier gelten (hauptamtlich, ehrenamtlich; deutsch, einfache Sprache, englisch)",
    "not-an-ags": "ist kein amtlicher Gemeindeschlüssel aus 8 Ziffern",
    "too-long": "ist zu lang (höchstens 200 Zeichen)",
    "control-character": "enthält ein unsichtbares Steuerzeichen; bitte neu eintippen",
    "encoded-word": "darf „=?“ nicht enthalten",
    "not-valid": "ist nicht gültig",
    "unknown-organisation": "diesen Namen trägt hier keine Organisation, für die Sie handeln dürfen",
    "not-active-there": "dort ist die Organisation nicht tätig",
    "which-municipality": "passt auf mehrere Organisationen oder Gemeinden; bitte eine Spalte AGS ergänzen",
    "grant-beyond-own": "geht über Ihre eigene Rolle hinaus",
}


def reason(refusals: Iterable[RowRefusal]) -> str:
    """All that is wrong with a row, in German."""
    return "; ".join(f"{FIELDS[refusal.field]}: {REASONS[refusal.code]}" for refusal in refusals)
