"""Whether a server's certificate convinces, and for how long it still will."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from emon_operator.doctor.findings import Finding, ok, problem, warning

SUBJECT = "certificates"
RENEWED_BEFORE = timedelta(days=21)  # who renews by ACME does so 30 days before the end; here that has failed for a while
URGENT_BEFORE = timedelta(days=5)


@dataclass(frozen=True, slots=True)
class Certificate:
    """`ends` is when it expires; `refused` says why a client that checks it does not believe it."""

    ends: datetime
    refused: str | None = None


def judge_certificate(where: str, certificate: Certificate, now: datetime, subject: str = SUBJECT) -> Finding:
    """The certificate that this server shows."""
    left = certificate.ends - now
    day = f"{certificate.ends:%Y-%m-%d}"
    if left <= timedelta(0):
        return problem(
            subject, where, f"its certificate expired on {day}", "Renew it, and find out why that did not happen by itself."
        )
    if certificate.refused:
        mend = (
            "Have it issued for this very name, with the whole chain. If the town's own authority signed it, name that one's "
            "certificate in SSL_CERT_FILE, for every service and here."
        )
        return problem(subject, where, f"its certificate is not trusted: {certificate.refused}", mend)
    if left < URGENT_BEFORE:
        return problem(subject, where, f"its certificate expires on {day}", "Renew it now.")
    if left < RENEWED_BEFORE:
        return warning(subject, where, f"its certificate expires on {day}", "Renew it; see why that has not happened by itself.")
    return ok(subject, where, f"its certificate is trusted until {day}")
