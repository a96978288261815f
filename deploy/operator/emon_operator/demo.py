"""`emon demo`: a round table from the register to the invitations, played against a running platform over its public API.

It makes its own data under names that no other run uses, so it can be played again and beside real data.
"""

import asyncio
import csv
import io
import secrets
import subprocess
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from emon_embedded.running_platform import RunningPlatform
from emon_operator.demo_client import Browser, Mailbox

STATE = "08"
SAMPLE_AGS = "08999001"
SAMPLE_NAME = "Musterlingen"
VOLUNTEERS = 12

console = Console(highlight=False, soft_wrap=True)


def step(title: str) -> None:
    """Says what happens next."""
    console.print(f"\n[bold]{escape(title)}[/]")


def result(text: str) -> None:
    """Says what came back."""
    console.print(f"   {escape(text)}")


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


async def play(platform: RunningPlatform, home: Path) -> None:
    """Plays the story. Raises DemoFailed, with what was expected, at the first step that does not come true."""
    async with Browser(platform.gateway_url) as visitor, Mailbox(platform.mail_url) as mailbox:
        step("The administrator signs in by a link that arrives by e-mail")
        admin = await sign_in(visitor, mailbox, platform.admin_email)
        cast = Cast(secrets.token_hex(3), *await find_municipality(admin, home))
        import_file("organisations", csv_of(cast.organisations()), home)
        import_file("people", csv_of(cast.people()), home)
        step("She makes somebody coordinator of the municipality")
        await enter_coordinator(admin, cast)
        coordinator = await sign_in(visitor, mailbox, cast.coordinator_email)
        circle = await find_circle(coordinator, cast)
        step("The coordinator schedules a round table for the circle")
        meeting = await schedule(coordinator, cast, circle["id"])
        invited = await invitations(coordinator, meeting["id"])
        step("Every invitation is in its mailbox, once, with its calendar part")
        with_mail = [item for item in invited if not item["display_name"].startswith("Ohne Adresse")]
        await show_mails(mailbox, meeting["title"], "REQUEST", len(with_mail))
        step("The round table moves by a week; everybody is told")
        moved = await coordinator.patch(f"/v1/meetings/{meeting['id']}", {"start": evening_in(67)})
        result(
            f"now {moved['start']['local']} {moved['start']['time_zone']} ({moved['starts_at']}), revision {moved['revision']}"
        )
        await show_mails(mailbox, meeting["title"], "REQUEST", 2 * len(with_mail))
        step("Staff see every delivery")
        await show_deliveries(coordinator, meeting["id"], 2 * len(invited))
    step("Where to look")
    result(f"the mails: {platform.mail_url}")
    result(f"the API:   {platform.public_url}/openapi.json")
    result(f"sign in:   {platform.public_url}/sign-in as {cast.coordinator_email}")


async def find_municipality(admin: Browser, home: Path) -> tuple[str, str]:
    """The municipality to play in, key and name: one of the register that is there, or an invented one where there is none."""
    known = await admin.get(f"/v1/municipalities?state={STATE}&limit=200")
    for municipality in known["items"]:
        if municipality["closed_on"] is None:
            return municipality["ags"], municipality["name"]
    import_file("municipalities", register_sample(), home)
    return SAMPLE_AGS, SAMPLE_NAME


def csv_of(rows: list[list[str]]) -> str:
    """The rows as a file that any spreadsheet program could have written."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def import_file(what: str, content: str, home: Path) -> None:
    """Runs the operator's own command, as it would be typed. The files stay in the platform's home."""
    file = home / "demo" / f"{what}.{'txt' if what == 'municipalities' else 'csv'}"
    file.parent.mkdir(exist_ok=True)
    file.write_text(content, encoding="utf-8")
    step(f"emon import {what} {file.name}")
    command = [sys.executable, "-m", "emon_operator", "import", what, str(file), "--home", str(home)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    for line in (outcome.stdout + outcome.stderr).strip().splitlines():
        result(line)
    if outcome.returncode:
        raise DemoFailed(f"the import of {what} ended with exit code {outcome.returncode}")


async def sign_in(visitor: Browser, mailbox: Mailbox, email: str) -> Browser:
    """Asks for a link, reads the mail, and opens a session with it."""
    seen = await mailbox.count_to(email)
    await visitor.post("/v1/sign-in-links", {"email": email}, expected=202)
    mail = await mailbox.next_to(email, seen)
    token = mail["Text"].split("?token=")[1].split()[0]
    result(f"mail to {email}: {mail['Subject']}")
    session = await visitor.post("/v1/sessions", {"token": token})
    signed_in = visitor.with_token(session["access_token"])
    me = await signed_in.get("/v1/me")
    result(f"signed in as {me['display_name']} until {session['expires_at']}")
    return signed_in


async def enter_coordinator(admin: Browser, cast: Cast) -> None:
    person = await admin.post(
        "/v1/people",
        {
            "display_name": f"Koordination {cast.run}",
            "email": cast.coordinator_email,
            "locale": "de",
            "memberships": [],
            "grants": [{"role": "coordinator", "ags": cast.ags}],
        },
    )
    result(f"{person['display_name']} is coordinator of {cast.municipality} ({cast.ags})")


async def find_circle(coordinator: Browser, cast: Cast) -> Any:
    page = await coordinator.get(f"/v1/organisations?ags={cast.ags}&name={cast.circle}")
    if len(page["items"]) != 1:
        raise DemoFailed(f"expected to find {cast.circle} once, found {len(page['items'])}")
    return page["items"][0]


async def schedule(coordinator: Browser, cast: Cast, circle_id: str) -> Any:
    meeting = await coordinator.post(
        "/v1/meetings",
        {
            "kind": "round_table",
            "title": f"Runder Tisch {cast.run}: Was gelingt, was fehlt?",
            "ags": cast.ags,
            "start": evening_in(60),
            "duration_minutes": 90,
            "place": "Rathaus, Großer Saal",
            "participants": [{"organisation_id": circle_id}],
        },
    )
    result(f"{meeting['title']}: {meeting['start']['local']} {meeting['start']['time_zone']}, {meeting['place']}")
    return meeting


async def invitations(coordinator: Browser, meeting_id: str) -> list[Any]:
    found = (await coordinator.get(f"/v1/meetings/{meeting_id}/invitations?limit=200"))["items"]
    result(f"{len(found)} people are invited")
    return found


async def show_mails(mailbox: Mailbox, title: str, method: str, expected: int) -> None:
    mails = await mailbox.about(title, expected)
    result(f"{len(mails)} mails about it so far; the newest:")
    newest = await mailbox.read(mails[0]["ID"])
    raw = await mailbox.raw(mails[0]["ID"])
    if f"method={method}".lower() not in raw.lower().replace('"', ""):
        raise DemoFailed(f"the mail has no calendar part with method {method}")
    console.print(f"   [dim]To: {escape(newest['To'][0]['Address'])}   Subject: {escape(newest['Subject'])}[/]")
    for line in newest["Text"].strip().splitlines()[:14]:
        console.print(f"   [dim]| {escape(line)}[/]")


async def show_deliveries(coordinator: Browser, meeting_id: str, expected: int) -> None:
    states: dict[str, int] = {}
    for _ in range(100):
        items = (await coordinator.get(f"/v1/deliveries?subject_id={meeting_id}&limit=200"))["items"]
        states = {}
        for item in items:
            states[item["status"]] = states.get(item["status"], 0) + 1
        if len(items) == expected and not states.keys() & {"queued", "sending", "waiting", "deferred"}:
            result(", ".join(f"{count} {state}" for state, count in sorted(states.items())))
            return
        await asyncio.sleep(0.1)
    raise DemoFailed(f"expected {expected} deliveries in their final state, found {states}")


class DemoFailed(Exception):
    """A step did not come true; the message says which."""
