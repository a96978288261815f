"""What each scene begins with: lists are imported, and people sign in."""

import subprocess
import sys
from pathlib import Path

from emon_operator.demo.cast import SAMPLE_AGS, SAMPLE_NAME, STATE, Cast, csv_of, register_sample
from emon_operator.demo.telling import DemoFailed, result, step
from emon_operator.demo_client import SIGN_IN_LINK, Browser, Mailbox


def import_lists(cast: Cast, home: Path) -> None:
    """The circle, the town hall, and their people."""
    import_file("organisations", csv_of(cast.organisations()), home)
    import_file("people", csv_of(cast.people()), home)


async def find_municipality(admin: Browser, home: Path) -> tuple[str, str]:
    """The municipality to play in, key and name: one of the register that is there, or an invented one where there is none."""
    known = await admin.get(f"/v1/municipalities?state={STATE}&limit=200")
    for municipality in known["items"]:
        if municipality["closed_on"] is None:
            return municipality["ags"], municipality["name"]
    import_file("municipalities", register_sample(), home)
    return SAMPLE_AGS, SAMPLE_NAME


def import_file(what: str, content: str, home: Path) -> None:
    """Runs the operator's own command, as it would be typed. The files stay in the platform's home."""
    file = home / "demo" / f"{what}.{'txt' if what == 'municipalities' else 'csv'}"
    file.parent.mkdir(parents=True, exist_ok=True)
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
    mail = await mailbox.next_to(email, seen, SIGN_IN_LINK)
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
