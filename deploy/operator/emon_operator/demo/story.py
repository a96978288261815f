"""The story, from the register to the answer."""

import secrets
from dataclasses import dataclass
from pathlib import Path

from emon_operator.demo.beginnings import enter_coordinator, find_municipality, import_lists, sign_in
from emon_operator.demo.cast import Cast
from emon_operator.demo.feedback import play_feedback
from emon_operator.demo.round_table import play_round_table
from emon_operator.demo.telling import result, step
from emon_operator.demo_client import Browser, Mailbox


@dataclass(frozen=True, slots=True)
class Stage:
    """The platform that the story is played on, as its cast reach it. What is public is shown, to look around."""

    gateway_url: str
    public_url: str
    mail_url: str
    public_mail_url: str
    admin_email: str


async def play(platform: Stage, home: Path) -> None:
    """Plays the story. Raises DemoFailed, with what was expected, at the first step that does not come true."""
    async with Browser(platform.gateway_url) as visitor, Mailbox(platform.mail_url) as mailbox:
        step("The administrator signs in by a link that arrives by e-mail")
        admin = await sign_in(visitor, mailbox, platform.admin_email)
        cast = Cast(secrets.token_hex(3), *await find_municipality(admin, home))
        import_lists(cast, home)
        step("She makes somebody coordinator of the municipality")
        await enter_coordinator(admin, cast)
        coordinator = await sign_in(visitor, mailbox, cast.coordinator_email)
        await play_round_table(visitor, coordinator, mailbox, cast)
        await play_feedback(visitor, coordinator, mailbox, cast)
    step("Where to look")
    result(f"the mails: {platform.public_mail_url}")
    result(f"the API:   {platform.public_url}/openapi.json")
    result(f"sign in:   {platform.public_url}/sign-in as {cast.coordinator_email}")
