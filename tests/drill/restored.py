"""What an audit looks at after everything was lost and restored: also the evidence of before, as far as it was not forgotten."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from tests.faults.audit.records import Decisions, Delivery, Evidence, Person, SourceEvent, TakenMail

AROUND_THE_CUT = timedelta(seconds=2)
"""An event bears the time of its decision, and is in the backup if it was committed by then: nearer than this nobody can tell."""
BEHIND = 1 << 40  # more than any log has offsets


def evidence_after(before: Evidence, now: Evidence, taken: Sequence[TakenMail], cut: datetime, restored: datetime) -> Evidence:
    """Of one platform: `before` it was lost, a while after the backup's `cut`, and `now` that it runs again, with a new Kafka.

    `taken`: all that the mail server took, until it was lost. What the restored ledger knows of counts; what was sent for
    something that is forgotten does not. Subjects of which something happened around the cut are left out.
    """
    remembered = [event for event in before.events if event.time <= cut]
    in_doubt = {event.subject for event in before.events if abs(event.time - cut) < AROUND_THE_CUT}
    subjects = {event.subject for event in (*remembered, *now.events)} | now.people.keys()
    known = {attempt.mail_id for attempt in now.attempts if attempt.started_at < restored}
    kept = [mail for mail in taken if mail.mail_id in known]
    return replace(
        now,
        events=[*remembered, *(replace(event, offset=event.offset + BEHIND) for event in now.events)],
        people={id_: _joined(person, before.people.get(id_)) for id_, person in now.people.items()},
        taken=[*kept, *(replace(mail, order=mail.order + BEHIND) for mail in now.taken)],
        subjects=frozenset(subjects - in_doubt),
    )


def decided_by_log(held: Sequence[Delivery], events: Sequence[SourceEvent], taken: Sequence[TakenMail]) -> Decisions:
    """What staff decide about what is held: what the mail server's log shows is not sent again, everything else is."""
    sequences = {event.id: event.payload.get("revision", event.sequence) for event in events}
    cancelled = {
        delivery.id for delivery in held if any(_tells(mail, delivery, sequences.get(delivery.event_id, 0)) for mail in taken)
    }
    return Decisions(released=frozenset({delivery.id for delivery in held} - cancelled), cancelled=frozenset(cancelled))


def _tells(mail: TakenMail, delivery: Delivery, state: int) -> bool:
    if delivery.introduces:
        return mail.introduces == delivery.person_id
    return delivery.person_id in mail.readers and mail.subject_id == delivery.subject_id and (mail.state or 0) >= state


def _joined(now: Person, before: Person | None) -> Person:
    if before is None:
        return now
    return replace(
        now,
        addresses=now.addresses | before.addresses,
        was_without_address=now.was_without_address or before.was_without_address,
        # Of whoever was erased, the new log has the tombstone alone.
        entered_by_others=now.entered_by_others or before.entered_by_others,
        known_since=min(now.known_since, before.known_since),
    )
