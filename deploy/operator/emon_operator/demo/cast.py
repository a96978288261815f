"""Who plays along, and the lists they come from."""

import csv
import io
from dataclasses import dataclass
from datetime import date, timedelta

STATE = "08"
SAMPLE_AGS = "08999001"
SAMPLE_NAME = "Musterlingen"
VOLUNTEERS = 12


@dataclass(frozen=True)
class Cast:
    """Who plays along in this run. All addresses are in a domain that RFC 2606 reserves."""

    run: str
    ags: str
    municipality: str

    @property
    def circle(self) -> str:
        return f"Helferkreis {self.run}"

    @property
    def town_hall(self) -> str:
        return f"Rathaus {self.municipality} {self.run}"

    @property
    def coordinator_email(self) -> str:
        return f"koordination.{self.run}@example.org"

    def volunteer_email(self, number: int) -> str:
        return f"ehrenamt{number}.{self.run}@example.org"

    def people(self) -> list[list[str]]:
        """Volunteers of the circle, two of whom share a mailbox, one of whom has no address, and one row with a mistake."""
        volunteers = [
            *((self.volunteer_email(number), f"Ehrenamt {number} {self.run}", "de") for number in range(1, VOLUNTEERS + 1)),
            (self.volunteer_email(1), f"Partner von 1 {self.run}", "en"),
            ("", f"Ohne Adresse {self.run}", "de"),
            ("kein-at-zeichen", f"Tippfehler {self.run}", "de"),
        ]
        header = ["email", "display_name", "locale", "organisation", "engagement"]
        return [header, *([*volunteer, self.circle, "volunteer"] for volunteer in volunteers)]

    def organisations(self) -> list[list[str]]:
        """The circle and the town hall."""
        circle = [self.circle, "helper_circle", self.ags]
        return [["name", "kind", "ags"], circle, [self.town_hall, "municipality", self.ags]]


def evening_in(days: int) -> dict[str, str]:
    """Half past six in the evening, so many days from now."""
    day = date.today() + timedelta(days=days)  # noqa: DTZ011
    return {"local": f"{day.isoformat()}T18:30", "time_zone": "Europe/Berlin"}


def register_sample() -> str:
    """One invented municipality in the fixed width of the official register (GV100AD)."""
    record = (
        f"60{'20000101'}{SAMPLE_AGS}{'0000'}{SAMPLE_NAME:<50}{'':<50}{'63'}{'':<4}{'00000001234'}{'00000009000'}{'00000004400'}"
    )
    return f"{record:<220}\n"


def csv_of(rows: list[list[str]]) -> str:
    """The rows as a file that any spreadsheet program could have written."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
