"""Runs every check at the same time, each within its limit. One that breaks or hangs is a finding and hides no other."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from emon_operator.doctor.findings import Finding, problem

TIME_LIMIT_S = 15.0


class Subject(StrEnum):
    """What can be left out."""

    SETTINGS = "settings"
    DATABASES = "databases"
    BROKER = "broker"
    SMTP = "smtp"
    DNS = "dns"
    CERTIFICATES = "certificates"
    CLOCK = "clock"
    DISK = "disk"
    LAG = "lag"


@dataclass(frozen=True, slots=True)
class Check:
    """Looks at one thing. `where` names it in the finding that it could not be looked at."""

    subject: str
    where: str
    run: Callable[[], Awaitable[Sequence[Finding]]]


async def examine(checks: Sequence[Check], time_limit_s: float = TIME_LIMIT_S) -> list[Finding]:
    """All findings, in the order of the checks."""
    found = await asyncio.gather(*(_run(check, time_limit_s) for check in checks))
    return [finding for findings in found for finding in findings]


async def _run(check: Check, time_limit_s: float) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(time_limit_s):
            return await check.run()
    except TimeoutError:
        mend = "See whether it runs and can be reached from here; --within gives it more time."
        return [problem(check.subject, check.where, f"it did not answer within {time_limit_s:.0f} s", mend)]
    except Exception as error:  # noqa: BLE001
        # Whatever it is: the other findings are wanted all the same. Its text may quote what is none of the screen's business.
        mend = "Look at the part itself. If it is well, the doctor is not: report this with its version."
        return [problem(check.subject, check.where, f"it could not be examined ({type(error).__name__})", mend)]
