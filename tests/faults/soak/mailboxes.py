"""The mailboxes of a soak's people: what the mail server took for them, and the links in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from emon_operator.demo_client import Browser

from tests.faults.audit.sources import LINKS, taken_mails
from tests.faults.soak.deeds import Guest
from tests.notifications.mail_server import Received
from tests.polling import eventually

MAIL_COMES_WITHIN_S = 60


def address(guest: Guest) -> str | None:
    """An address in a domain that RFC 2606 reserves."""
    return None if guest.mailbox is None else f"soak{guest.mailbox}@example.org"


class MailLog(Protocol):
    """Whoever knows what was taken for all mailboxes."""

    @property
    def mails(self) -> Sequence[Received]:
        """In the order in which they were taken."""
        ...


@dataclass(frozen=True)
class Mailboxes:
    """All of them, on the one mail server."""

    mail_server: MailLog

    async def sign_in(self, visitor: Browser, email: str) -> Browser:
        """A session, by the link in the first sign-in mail that comes."""
        await visitor.post("/v1/sign-in-links", {"email": email}, expected=202)

        async def tokens() -> list[str]:
            texts = [mail.text() for mail in self.mail_server.mails if mail.recipient == email]
            return [token for text in texts if "/sign-in?token=" in text for token in LINKS.findall(text)]

        [token, *_] = await eventually(tokens, bool, within_s=MAIL_COMES_WITHIN_S)
        return visitor.with_token((await visitor.post("/v1/sessions", {"token": token}))["access_token"])

    def invitation_link(self, email: str | None, meeting_id: str) -> str | None:
        """The link in the newest mail about a meeting, where one came."""
        for mail in reversed(self.mail_server.mails):
            if mail.recipient == email:
                [taken] = taken_mails([mail.content])
                if taken.meeting_id == UUID(meeting_id) and not taken.is_cancel:
                    return LINKS.findall(mail.text())[0]
        return None
