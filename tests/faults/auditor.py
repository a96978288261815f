"""The auditor: what was committed against what the mail server took and against the ledger.

It shares no code with the platform: what was intended is derived from the event topics, not from what notifications planned.
The law is in audit/laws.py, what justifies silence in audit/justifications.py, who is to hear of what in audit/intentions.py; a
new kind of event is one more function there.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tests.faults.audit import sources
from tests.faults.audit.case import Case, Violation
from tests.faults.audit.laws import LAWS
from tests.faults.audit.records import Decisions, Evidence, Promises

SHOWN_MAX = 50


@dataclass(frozen=True)
class Report:
    """What an audit found. `states`: deliveries by kind of event and state; `taken` and `introducing`: mails by their kind."""

    intended: int
    to_introduce: int
    taken: Mapping[str, int]
    introducing: Mapping[str, int]
    states: Mapping[tuple[str, str], int]
    outcomes: Mapping[str, int]
    violations: Sequence[Violation]
    seed: int | None = None

    def count(self, status: str) -> int:
        """How many deliveries ended in this state."""
        return sum(count for (_, state), count in self.states.items() if state == status)

    def laws_broken(self) -> set[str]:
        """Their names."""
        return {violation.law for violation in self.violations}

    def __str__(self) -> str:
        by_kind: dict[str, list[str]] = {}
        for (kind, status), count in sorted(self.states.items()):
            by_kind.setdefault(kind, []).append(f"{count} {status}")
        lines = [
            f"intended: {self.intended} (event, person)",
            *(f"  {kind}: {', '.join(counts)}" for kind, counts in by_kind.items()),
            f"entered by others: {self.to_introduce}; introduced by {_counted(self.introducing)}",
            f"taken by the mail server: {sum(self.taken.values())}; {_counted(self.taken)}",
            f"tries: {_counted(self.outcomes)}",
            f"violations: {len(self.violations)}",
            *(f"  {violation}" for violation in self.violations[:SHOWN_MAX]),
        ]
        if len(self.violations) > SHOWN_MAX:
            lines.append(f"  and {len(self.violations) - SHOWN_MAX} more")
        if self.seed is not None:
            lines.append(f"seed: {self.seed}")
        return "\n".join(lines)


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in sorted(counts.items())) or "none"


def audit(evidence: Evidence, seed: int | None = None) -> Report:
    """Holds the evidence against every law. Pure."""
    case = Case(evidence)
    intentions = [(case.intention_of(delivery), delivery.status) for delivery in case.deliveries]
    return Report(
        intended=len(case.intended),
        to_introduce=len(case.to_introduce),
        taken=Counter(mail.kind for mail in evidence.taken),
        introducing=Counter(case.mails[mail].kind for mails in case.introducing.values() for mail in mails if mail in case.mails),
        states=Counter((intention.kind if intention else "not intended", status) for intention, status in intentions),
        outcomes=Counter(attempt.outcome or "under way" for attempt in evidence.attempts),
        violations=sorted(violation for law in LAWS for violation in law(case)),
        seed=seed,
    )


async def gather(
    bootstrap: str,
    ledger_url: str,
    mails: Iterable[bytes],
    *,
    worker_urls: Mapping[str, str] | None = None,
    decisions: Decisions | None = None,
    promises: Promises | None = None,
    subjects: Iterable[UUID] | None = None,
    **security: Any,
) -> Evidence:
    """Collects the evidence of a platform that is quiet. `mails`: as the mail server took them, in that order.

    Without `worker_urls`, of the databases of meetings, feedback and contacts, nobody asks whether all that they committed was
    published. `subjects`: what the audit is about, people whose introduction counts among it, where the broker holds more.
    `security`: how to come to the broker, as aiokafka names it.
    """
    ledger = await sources.read_ledger(ledger_url)
    return Evidence(
        events=await sources.read_events(bootstrap, **security),
        people=await sources.read_people(bootstrap, **security),
        deliveries=ledger.deliveries,
        mails=ledger.mails,
        attempts=ledger.attempts,
        taken=sources.taken_mails(mails),
        committed=None if worker_urls is None else await sources.read_committed(worker_urls),
        decisions=decisions or Decisions(),
        promises=promises or Promises(),
        dead_letters=ledger.dead_letters if subjects is None else 0,
        subjects=None if subjects is None else frozenset(subjects),
    )
