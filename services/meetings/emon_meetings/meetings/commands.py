"""What people do with meetings: schedule, change, cancel."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from emon_contracts.actors import Actor
from emon_contracts.envelope import NewEvent
from emon_contracts.permissions import Permission, scope_of
from emon_contracts.refusals import Forbidden, NotFound, Refusal, Refused
from emon_meetings.invitations import commands as invitations
from emon_meetings.invitations.repository import Audience
from emon_meetings.meetings import repository, rules
from emon_meetings.meetings.repository import Participant
from emon_meetings.meetings.rules import Changed, Changes, Meeting
from emon_platform import directory, outbox
from emon_platform.database import Database, Transaction
from emon_platform.http.idempotency import IdempotencyKey, earlier_result, remember_result
from emon_platform.http.responses import Precondition, etag


async def schedule_meeting(
    database: Database, actor: Actor, meeting: Meeting, participants: Sequence[Participant], key: IdempotencyKey | None
) -> Meeting:
    """Schedules a meeting and invites everybody it is for, in one step.

    Raises Refused for a time that does not lie ahead, and for a municipality, organisation or person that does not exist for the
    caller, all at once.
    """
    missing = await _missing(database, actor, meeting.ags, participants)
    unknown = _unknown(meeting.ags, participants, missing)
    async with database.transaction(actor, Permission.MEETING_WRITE) as tx:
        earlier = await earlier_result(tx, key)
        if earlier is not None:
            return await _existing(tx, earlier)
        changed = rules.schedule(meeting, datetime.now(UTC))
        refusals = [*unknown, *([changed] if isinstance(changed, Refusal) else [])]
        if refusals or isinstance(changed, Refusal):
            raise Refused(*refusals)
        await repository.insert_meeting(tx, meeting, participants)
        await _publish(tx, changed)
        await invitations.invite_participants(tx, meeting.id, meeting.ags, participants)
        await remember_result(tx, key, meeting.id)
    return meeting


async def count_audience(
    database: Database, actor: Actor, ags: str, participants: Sequence[Participant]
) -> tuple[Audience, list[Participant]]:
    """Whom scheduling would invite now, in numbers, and which participants are not known.

    Raises Refused for a municipality that does not exist for the caller.
    """
    missing = await _missing(database, actor, ags, participants)
    if ags in missing:
        raise Refused(_unknown_municipality())
    async with database.transaction(actor, Permission.MEETING_WRITE) as tx:
        audience = await invitations.count_audience(tx, ags, participants)
    return audience, [item for item in participants if missing & {item.person_id, item.organisation_id}]


async def change_meeting(
    database: Database, actor: Actor, meeting_id: UUID, changes: Changes, precondition: Precondition
) -> Meeting:
    """Changes title, time or place. Raises NotFound, Outdated or Refused."""
    async with database.transaction(actor, Permission.MEETING_WRITE) as tx:
        meeting = await _locked(tx, meeting_id)
        precondition.check(etag(meeting.id, meeting.version))
        return await _apply(tx, rules.change(meeting, changes, datetime.now(UTC)))


async def cancel_meeting(database: Database, actor: Actor, meeting_id: UUID, reason: str | None) -> Meeting:
    """Cancels a meeting that has not started. Raises NotFound or Refused."""
    async with database.transaction(actor, Permission.MEETING_WRITE) as tx:
        meeting = await _locked(tx, meeting_id)
        return await _apply(tx, rules.cancel(meeting, reason, datetime.now(UTC)))


async def _apply(tx: Transaction, changed: Changed | Refusal) -> Meeting:
    if isinstance(changed, Refusal):
        raise Refused(changed)
    if changed.event is not None:
        await repository.save_meeting(tx, changed.meeting)
        await _publish(tx, changed)
    return changed.meeting


async def _publish(tx: Transaction, changed: Changed) -> None:
    meeting = changed.meeting
    event = NewEvent(rules.event_of(changed), subject=str(meeting.id), sequence=meeting.version, tenant=meeting.ags)
    await outbox.append(tx, "meetings", [event])


async def _locked(tx: Transaction, meeting_id: UUID) -> Meeting:
    meeting = await repository.lock_meeting(tx, meeting_id)
    if meeting is None:
        raise NotFound("meeting", meeting_id)
    return meeting


async def _existing(tx: Transaction, meeting_id: UUID) -> Meeting:
    meeting = await repository.meeting_by_id(tx, meeting_id)
    if meeting is None:
        raise NotFound("meeting", meeting_id)
    return meeting


async def _missing(database: Database, actor: Actor, ags: str, participants: Sequence[Participant]) -> set[UUID | str]:
    """What the request names and this service does not know, after looking again for what may just be on its way."""
    scope = scope_of(actor, Permission.MEETING_WRITE)
    if scope is None:
        raise Forbidden(Permission.MEETING_WRITE.value)
    if not scope.covers(ags):
        return {ags}
    wanted: set[UUID | str] = {ags}
    wanted |= {participant.person_id or participant.organisation_id or "" for participant in participants}

    async def known() -> set[UUID | str]:
        async with database.transaction(actor, Permission.MEETING_WRITE) as tx:
            return {
                *await directory.visible_people(tx, [item.person_id for item in participants if item.person_id]),
                *await directory.organisations_active_in(tx, ags, [i.organisation_id for i in participants if i.organisation_id]),
                *([ags] if await directory.has_open_municipality(tx, ags) else []),
            }

    return await directory.look_again(known, wanted)


def _unknown(ags: str, participants: Sequence[Participant], missing: set[UUID | str]) -> list[Refusal]:
    refusals = [_unknown_municipality()] if ags in missing else []
    for index, participant in enumerate(participants):
        if participant.person_id in missing:
            refusals.append(Refusal("unknown-person", "There is no such person.", f"/participants/{index}/person_id"))
        if participant.organisation_id in missing:
            detail = "There is no such organisation in this municipality."
            refusals.append(Refusal("unknown-organisation", detail, f"/participants/{index}/organisation_id"))
    return refusals


def _unknown_municipality() -> Refusal:
    return Refusal("unknown-municipality", "There is no such municipality, or not for you.", "/ags")
