"""Which service answers for which path. Default deny: what does not stand here goes nowhere."""

import re

SERVICE_OF_PREFIX = {
    "/v1/municipalities": "contacts",
    "/v1/organisations": "contacts",
    "/v1/people": "contacts",
    "/v1/meetings": "meetings",
    "/v1/invitations": "meetings",
    "/v1/feedback": "feedback",
    "/v1/anonymous-feedback": "feedback",
    "/v1/deliveries": "notifications",
}

# Passed on without a session, and without anything else that says who asks.
NAMELESS_PREFIXES = frozenset({"/v1/anonymous-feedback"})

# Each segment is a word, a key or an id. Nothing escaped, no empty segment, no `.` or `..`: whatever one program reads
# into such a path and another does not, it does not get past here (RFC 3986 section 6.2.2, CWE-22).
_PLAIN_PATH = re.compile(rb"(/[A-Za-z0-9][A-Za-z0-9._~-]*)+")


def service_of(raw_path: bytes) -> str | None:
    """The service for a path as it came over the wire, or None."""
    if not _PLAIN_PATH.fullmatch(raw_path):
        return None
    prefix = "/".join(raw_path.decode("ascii").split("/", 3)[:3])
    return SERVICE_OF_PREFIX.get(prefix)


def is_nameless(path: str) -> bool:
    """Whether requests for this path are passed on as ANONYMOUS."""
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in NAMELESS_PREFIXES)


def is_import(raw_path: bytes) -> bool:
    """Whether the request takes its time: thousands of rows in one body, or looked over or taken at once."""
    return raw_path.endswith(b"/imports") or b"/import-drafts" in raw_path
