"""Looks at what the mail server offers, and connects to it exactly as notifications does. Sends no mail unless asked to."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, make_msgid, parsedate_to_datetime
from functools import partial
from ssl import SSLError

from aiosmtplib import SMTP, SMTPException

from emon_notifications.settings import NotificationsSettings
from emon_notifications.smtp import Accepted, ConnectFailed, Connection, Outgoing, Rejected, Result, SmtpSettings, Tls
from emon_operator.doctor.certificates import expiry_of, unchecked
from emon_operator.doctor.clock import offset_from
from emon_operator.doctor.examination import Check
from emon_operator.doctor.findings import Finding
from emon_operator.doctor.installation import Installation
from emon_operator.doctor.rules import certificates, smtp as rules
from emon_operator.doctor.rules.settings import is_local

ANSWERS_WITHIN_S = 5.0


def checks(installation: Installation, send_to: str | None) -> list[Check]:
    """What it offers, and whether it takes us; a malformed URL is found with the settings."""
    notifications = installation.notifications()
    if notifications is None:
        return []
    try:
        settings = SmtpSettings.from_url(
            notifications.smtp_url, connect_seconds=ANSWERS_WITHIN_S, final_dot_seconds=ANSWERS_WITHIN_S
        )
    except ValueError:
        return []
    where = f"{settings.host}:{settings.port}"
    return [
        Check(rules.SUBJECT, where, partial(_look, settings, where)),
        Check(rules.SUBJECT, where, partial(_connect, settings, where, notifications, send_to)),
    ]


async def _look(settings: SmtpSettings, where: str) -> Sequence[Finding]:
    before = datetime.now(UTC)
    client = SMTP(
        hostname=settings.host,
        port=settings.port,
        timeout=settings.connect_seconds,
        use_tls=settings.tls is Tls.IMPLICIT,
        start_tls=False,
        tls_context=unchecked() if settings.tls is Tls.IMPLICIT else None,
    )
    findings: list[Finding] = []
    try:
        greeting = await client.connect()
        if (said := _time_in(greeting.message)) is not None:
            findings.append(offset_from(where, before, said))
        await client.ehlo()
        starttls = client.supports_extension("starttls")
        if starttls and settings.tls not in (Tls.IMPLICIT, Tls.NEVER):
            await client.starttls(tls_context=unchecked())
            await client.ehlo()
        shown = client.get_transport_info("ssl_object")
        offered = rules.Offered(
            starttls=starttls,
            encrypted=shown is not None,
            size_max=int((client.esmtp_extensions.get("size") or "0").strip() or 0),
            pipelining=client.supports_extension("pipelining"),
        )
        der: bytes | None = shown.getpeercert(binary_form=True) if shown else None
        with suppress(SMTPException):  # all is known; some servers just hang up
            await client.quit()
    except (SMTPException, OSError, SSLError):
        return findings  # the connection that is made as notifications makes it says why
    finally:
        client.close()
    if der is not None:
        # Whether it is trusted shows where it is checked: in the other connection.
        findings.append(certificates.judge_certificate(where, certificates.Certificate(expiry_of(der)), datetime.now(UTC)))
    open_ = settings.tls is Tls.OPPORTUNISTIC
    found = rules.judge_offer(where, offered, is_local=is_local(settings.host), may_be_open=open_)
    return [*findings, *rules.or_fine(found, where, offered)]


async def _connect(
    settings: SmtpSettings, where: str, notifications: NotificationsSettings, send_to: str | None
) -> Sequence[Finding]:
    signs_in = settings.username is not None
    try:
        connection = await Connection.connect(settings)
    except ConnectFailed as failed:
        return [rules.judge_connection(where, failed.reason, permanent=failed.permanent, signs_in=signs_in)]
    try:
        findings = [rules.judge_connection(where, None, permanent=False, signs_in=signs_in)]
        if send_to is not None:
            findings.append(await _send(connection, where, notifications, send_to))
        return findings
    finally:
        await connection.close()


async def _send(connection: Connection, where: str, settings: NotificationsSettings, recipient: str) -> Finding:
    mail = EmailMessage(policy=SMTP_POLICY)
    mail["From"], mail["To"], mail["Subject"] = settings.mail_from, recipient, "EmON: test of the mail server"
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = make_msgid(domain=settings.mail_from.rpartition("@")[2])
    mail.set_content("Diese E-Mail prüft, ob der Mailserver der Plattform zustellt. Nichts ist zu tun.\n", cte="quoted-printable")
    results: list[Result] = []
    outgoing = Outgoing(recipient, mail.as_bytes(), return_path=settings.mail_from)
    await connection.send([outgoing], lambda _mail, result: results.append(result))
    match results[0]:
        case Accepted():
            refused = None
        case Rejected(code=code, reply=reply):
            refused = f"{code} {reply}"
        case other:
            refused = other.reason
    return rules.judge_test_mail(where, recipient, refused)


def _time_in(greeting: str) -> datetime | None:
    """Some servers end their greeting with the time: `220 mail ESMTP ready; Tue, 24 Nov 2026 12:00:00 +0100`."""
    try:
        found = parsedate_to_datetime(greeting.rpartition(";")[2].strip())
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
