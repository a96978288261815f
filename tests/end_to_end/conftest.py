"""One whole platform for all tests of this folder, with two towns in it. Tests make their own circles and meetings."""

import secrets
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from emon_operator.demo_client import Browser, Mailbox
from emon_platform.signed_links import Purpose, SignedLink, Signer, load_key

from tests.collector import Collector, running_collector
from tests.end_to_end.platform_process import PlatformProcess, emon, sign_in
from tests.polling import eventually

HERE, ELSEWHERE = "08999101", "08999102"
# Names that must never be found where personal data does not belong.
CANARY = "Kanarienvogel"


def register_record(ags: str, name: str) -> str:
    """One municipality in the fixed width of the official register."""
    return f"60{'20240101'}{ags}{'0000'}{name:<50}{'':<50}{'63'}{'':<4}{'00000001234'}{'00000009000'}{'00000004400'}".ljust(220)


@dataclass
class World:
    """The platform, its administrator, and what tests do with both."""

    process: PlatformProcess
    visitor: Browser
    mailbox: Mailbox
    admin: Browser
    collector: Collector = field(default_factory=Collector)
    people: dict[str, str] = field(default_factory=dict[str, str])  # those whom `person` entered: ids by address

    async def organisation(self, ags: str = HERE, kind: str = "helper_circle") -> str:
        """A new organisation; answers its id."""
        body = {"name": f"Kreis {secrets.token_hex(4)}", "kind": kind, "ags": ags}
        return (await self.admin.post("/v1/organisations", body))["id"]

    async def person(
        self,
        *memberships: tuple[str, str],
        grants: list[dict[str, str]] | None = None,
        email: str | None = None,
        locale: str = "de",
    ) -> tuple[str, str]:
        """A new person with memberships (organisation, engagement); answers id and e-mail address."""
        name = secrets.token_hex(4)
        email = email or f"{name}.{CANARY.lower()}@example.org"
        body: dict[str, Any] = {
            "display_name": f"{CANARY} {name}",
            "email": email,
            "locale": locale,
            "memberships": [{"organisation_id": organisation, "engagement": side} for organisation, side in memberships],
            "grants": grants or [],
        }
        person_id = (await self.admin.post("/v1/people", body))["id"]
        self.people[email] = person_id
        return person_id, email

    def token(self, person_id: str, purpose: Purpose, subject_id: str | None = None) -> str:
        """The token of a link that a mail would carry; without a subject it is about the person."""
        key = load_key(self.process.home / "secrets" / "signed-link.private.jwk.json")
        now, person = datetime.now(UTC), UUID(person_id)
        signed = SignedLink(purpose, uuid4(), UUID(subject_id or person_id), 0, person, now, now + timedelta(days=30))
        return Signer(key).sign(signed)

    async def access_token(self, email: str) -> str:
        """Of a new session of somebody whom `person` entered. What the mail with the link does, other tests show."""
        token = self.token(self.people[email], Purpose.SIGN_IN)

        async def opened() -> tuple[int, Any]:
            status, answer, _ = await self.visitor.ask("POST", "/v1/sessions", {"token": token})
            return status, answer

        # The directory of the gateway hears of a person a little later.
        _, session = await eventually(opened, lambda found: found[0] == 201)
        return session["access_token"]

    async def signed_in(self, email: str) -> Browser:
        """A session of this person: by mail of those whom `person` did not enter."""
        if email not in self.people:
            return await sign_in(self.visitor, self.mailbox, email)
        return self.visitor.with_token(await self.access_token(email))

    async def readiness(self, service: str) -> int:
        """The status of /health/ready, which is answered on the port for operations alone; 0 where nobody answers."""
        async with Browser(self.process.where.operations_urls[service]) as operator:
            try:
                return (await operator.ask("GET", "/health/ready"))[0]
            except OSError:
                return 0

    async def metrics(self, service: str) -> str:
        """What Prometheus gets from a service."""
        async with Browser(self.process.where.operations_urls[service]) as operator:
            return await operator.page("/metrics")

    async def coordinator(self, ags: str = HERE) -> Browser:
        """A session of a new coordinator of this municipality."""
        _, email = await self.person(grants=[{"role": "coordinator", "ags": ags}])
        return await self.signed_in(email)


def meeting(circle: str, **changes: Any) -> dict[str, Any]:
    """The body of a round table for a circle, under a title of its own."""
    return {
        "kind": "round_table",
        "title": f"Runder Tisch {secrets.token_hex(4)}",
        "ags": HERE,
        "start": {"local": "2027-03-27T18:00", "time_zone": "Europe/Berlin"},
        "duration_minutes": 90,
        "place": "Rathaus",
        "participants": [{"organisation_id": circle}],
        **changes,
    }


@pytest.fixture(scope="session")
async def collector() -> AsyncGenerator[Collector]:
    """Takes the spans of the whole platform, which is used with tracing on."""
    async with running_collector() as found:
        yield found


@pytest.fixture(scope="session")
async def platform_process(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> AsyncGenerator[PlatformProcess]:
    folder = tmp_path_factory.mktemp("platform")
    process = PlatformProcess(folder / "home", EMON_ADMIN_EMAIL="leitung@example.org", **collector.environment)
    await process.start()
    register = folder / "register.txt"
    register.write_text(register_record(HERE, "Musterlingen") + "\n" + register_record(ELSEWHERE, "Anderswo") + "\n")
    code, output = await emon("import", "municipalities", str(register), home=process.home)
    assert code == 0, output
    yield process
    await process.stop()


@pytest.fixture
async def world(platform_process: PlatformProcess, collector: Collector) -> AsyncGenerator[World]:
    where = platform_process.where
    async with Browser(where.gateway_url) as visitor, Mailbox(where.mail_url) as mailbox:
        admin = await administrator(platform_process, visitor, mailbox)
        yield World(platform_process, visitor, mailbox, admin, collector)


_sessions: dict[str, Browser] = {}


async def administrator(process: PlatformProcess, visitor: Browser, mailbox: Mailbox) -> Browser:
    """Signs in once for all tests; a session outlives restarts."""
    email = process.where.admin_email
    if email not in _sessions:
        _sessions[email] = await sign_in(visitor, mailbox, email)
    return visitor.with_token_of(_sessions[email])
