"""Compares our clock with what web servers say. Those of other servers are read along with the rest of them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial

import aiohttp

from emon_operator.doctor.examination import Check
from emon_operator.doctor.findings import Finding, ok, warning
from emon_operator.doctor.installation import Installation
from emon_operator.doctor.rules import clock as rules

HTTP_PRECISION_S = 1.0  # a Date header has whole seconds


def checks(installation: Installation) -> list[Check]:
    """One for each address that people go to."""
    return [Check(rules.SUBJECT, url, partial(_examine, url)) for url in installation.public_urls()]


async def _examine(url: str) -> Sequence[Finding]:
    before = datetime.now(UTC)
    try:
        # Its certificate is judged elsewhere; what time it is may be said by a server whose certificate has expired.
        async with aiohttp.ClientSession() as session, session.head(url, ssl=False, allow_redirects=False) as answer:
            said = answer.headers.get("Date")
    except (aiohttp.ClientError, OSError) as error:
        mend = "See whether the platform and the proxy before it run, and whether the address can be reached from here."
        return [warning(rules.SUBJECT, url, f"it does not answer by HTTP ({type(error).__name__})", mend)]
    if said is None:
        return [ok(rules.SUBJECT, url, "says no time")]
    return [offset_from(url, before, parsedate_to_datetime(said))]


def offset_from(where: str, before: datetime, theirs: datetime) -> Finding:
    """Our clock against a time in whole seconds that came after `before`."""
    after = datetime.now(UTC)
    middle = before + (after - before) / 2
    return rules.judge_offset(where, (middle - theirs).total_seconds(), (after - before).total_seconds() / 2 + HTTP_PRECISION_S)
