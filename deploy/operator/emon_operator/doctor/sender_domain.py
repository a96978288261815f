"""Asks DNS for what other mail servers will ask it."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import cast

from dns.asyncresolver import Resolver
from dns.nameserver import Do53Nameserver
from dns.rdatatype import RdataType
from dns.resolver import NXDOMAIN, LifetimeTimeout, NoNameservers, NoResolverConfiguration

from emon_notifications.settings import NotificationsSettings
from emon_notifications.smtp import SmtpSettings
from emon_operator.doctor.examination import Check
from emon_operator.doctor.findings import Finding, ok
from emon_operator.doctor.installation import Installation
from emon_operator.doctor.rules import sender_domain as rules
from emon_operator.doctor.rules.settings import is_local

DNS_PORT = 53
ANSWER_WITHIN_S = 5.0

Ask = Callable[[str, RdataType], Awaitable[list[str] | None]]
"""The records of a name as text, none if there are none; None if the name does not exist."""


def checks(installation: Installation, resolver: str | None, selector: str | None) -> list[Check]:
    """One for the domain of EMON_MAIL_FROM. `resolver` is address[:port] of a name server; None: those of this machine."""
    settings = installation.notifications()
    if settings is None:
        return []
    domain = settings.mail_from.rpartition("@")[2].lower()
    return [Check(rules.SUBJECT, domain, partial(_examine, settings, domain, resolver, selector))]


async def _examine(settings: NotificationsSettings, domain: str, resolver: str | None, selector: str | None) -> Sequence[Finding]:
    if rules.is_reserved(domain) and resolver is None and is_local(SmtpSettings.from_url(settings.smtp_url).host):
        return [ok(rules.SUBJECT, domain, "a name for trials, with a mail server on this machine: DNS has nothing to say")]
    try:
        return await examine_domain(domain, selector, _asking(resolver))
    except (NoNameservers, NoResolverConfiguration, LifetimeTimeout, OSError) as error:
        why = "no name server is set on this machine" if isinstance(error, NoResolverConfiguration) else "no name server answers"
        return [rules.not_asked(domain, why)]


async def examine_domain(domain: str, selector: str | None, ask: Ask) -> list[Finding]:
    """The four records. Raises what dnspython raises where no name server answers."""
    hosts = await ask(domain, RdataType.MX)
    if hosts is None:
        return [rules.judge_mail_servers(domain, (), exists=False)]
    return [
        rules.judge_mail_servers(domain, [host.split()[-1].rstrip(".") for host in hosts], exists=True),
        rules.judge_spf(domain, await ask(domain, RdataType.TXT) or ()),
        rules.judge_dkim(domain, selector, (selector and await ask(f"{selector}._domainkey.{domain}", RdataType.TXT)) or ()),
        rules.judge_dmarc(domain, *await _dmarc(domain, ask)),
    ]


async def _dmarc(domain: str, ask: Ask) -> tuple[str | None, Sequence[str]]:
    """The record of the domain, or else of the nearest one above it that has one, but for a top-level domain."""
    labels = domain.split(".")
    for above in range(max(len(labels) - 1, 1)):
        name = ".".join(labels[above:])
        texts = await ask(f"_dmarc.{name}", RdataType.TXT) or []
        if found := [text for text in texts if text.upper().startswith("V=DMARC1")]:
            return name, found
    return None, ()


def _asking(resolver: str | None) -> Ask:
    asked = Resolver(configure=resolver is None)
    if resolver is not None:
        host, _, port = resolver.rpartition(":") if resolver.count(":") == 1 else (resolver, "", "")
        asked.nameservers = [Do53Nameserver(host, int(port or DNS_PORT))]
    asked.lifetime = ANSWER_WITHIN_S

    async def ask(name: str, kind: RdataType) -> list[str] | None:
        try:
            answer = await asked.resolve(name, kind, raise_on_no_answer=False, search=False)
        except NXDOMAIN:
            return None
        return [_text(record) for record in cast("Iterable[object]", answer.rrset or ())]

    return ask


def _text(record: object) -> str:
    """A TXT record comes in strings of up to 255 octets that belong together (RFC 7208 section 3.3)."""
    strings: Sequence[bytes] | None = getattr(record, "strings", None)
    return str(record) if strings is None else b"".join(strings).decode("utf-8", "replace")
