"""Reads the certificates of the addresses that people go to."""

import asyncio
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlsplit

from cryptography.x509 import load_der_x509_certificate

from emon_operator.doctor.examination import Check
from emon_operator.doctor.findings import Finding, problem
from emon_operator.doctor.installation import Installation
from emon_operator.doctor.rules import certificates as rules

HTTPS_PORT = 443


def checks(installation: Installation) -> list[Check]:
    """One for each address with https."""
    return [
        Check(rules.SUBJECT, url, partial(_examine, url)) for url in installation.public_urls() if urlsplit(url).scheme == "https"
    ]


def unchecked() -> ssl.SSLContext:
    """A context that takes any certificate, for looking at it. Nothing is said over such a connection."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def expiry_of(der: bytes) -> datetime:
    """When this certificate ends."""
    return load_der_x509_certificate(der).not_valid_after_utc


async def _examine(url: str) -> Sequence[Finding]:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or HTTPS_PORT
    try:
        der = await _shown(host, port, unchecked())
    except OSError as error:
        mend = "See whether the proxy before the platform runs, and whether its name and port can be reached from here."
        return [problem(rules.SUBJECT, url, f"no encrypted connection: {error.strerror or type(error).__name__}", mend)]
    try:
        await _shown(host, port, ssl.create_default_context())
        refused = None
    except ssl.SSLCertVerificationError as error:
        refused = error.verify_message
    return [rules.judge_certificate(url, rules.Certificate(expiry_of(der), refused), datetime.now(UTC))]


async def _shown(host: str, port: int, context: ssl.SSLContext) -> bytes:
    _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
    try:
        shown: ssl.SSLObject = writer.get_extra_info("ssl_object")
        return shown.getpeercert(binary_form=True) or b""
    finally:
        writer.close()
