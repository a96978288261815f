"""What needs somebody: everything that waits for them, as its own service would show it, and nothing else."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from emon_contracts.actors import Engagement, Grant, Role
from emon_contracts.directory import MembershipRecord, PersonRecord, Weekday
from emon_contracts.events.feedback import Awaited, FeedbackAcknowledged, FeedbackAnswered, FeedbackOverdue
from emon_contracts.events.notifications import FailedAs

from tests.gateway.conftest import Platform, person
from tests.gateway.elsewhere import ELSEWHERE, HERE, Elsewhere

CIRCLE = uuid4()


def member(engagement: Engagement, ags: str = HERE) -> MembershipRecord:
    return MembershipRecord(organisation_id=CIRCLE, ags=ags, engagement=engagement)


COORDINATOR = person("Conny Koordination", grants=(Grant(role=Role.COORDINATOR, ags=HERE),))
STAFF = person("Steffi Stab", memberships=(member(Engagement.STAFF),))
VOLUNTEER = person("Volker Frei", memberships=(member(Engagement.VOLUNTEER),))
STRANGER = person("Fremde Koordination", grants=(Grant(role=Role.COORDINATOR, ags=ELSEWHERE),))
BOTH = person("Bea Beides", memberships=(member(Engagement.VOLUNTEER), member(Engagement.STAFF, ELSEWHERE)))
ADMIN = person("Adi Admin", grants=(Grant(role=Role.NETWORK_ADMIN),))
EVERYBODY = (COORDINATOR, STAFF, VOLUNTEER, STRANGER, BOTH, ADMIN)

Items = list[dict[str, Any]]


@dataclass
class Desk:
    """Where everybody looks for what needs them."""

    platform: Platform
    elsewhere: Elsewhere

    async def of(self, whom: PersonRecord) -> Items:
        today = await self.read(whom)
        counted = {kind: sum(item["kind"] == kind for item in today["items"]) for kind in today["counts"]}
        assert today["counts"] == counted
        return today["items"]

    async def read(self, whom: PersonRecord) -> dict[str, Any]:
        answer = await self.platform.get("/v1/today", await self.platform.sign_in(whom))
        assert answer.status == 200, await answer.text()
        return await answer.json()

    async def assert_seen_by(self, *whom: PersonRecord, kind: str) -> None:
        """These see one item of this kind, and nobody else sees any."""
        for somebody in EVERYBODY:
            kinds = [item["kind"] for item in await self.of(somebody)]
            assert kinds.count(kind) == (somebody in whom), f"{somebody.display_name}: {kinds}"


@pytest.fixture
async def desk(platform: Platform) -> Desk:
    await platform.know(*EVERYBODY)
    return Desk(platform, Elsewhere(platform.worker))


async def test_nobody_is_asked_to_sign_in_first(platform: Platform) -> None:
    assert (await platform.get("/v1/today")).status == 401


async def test_where_nothing_waits_there_is_nothing(desk: Desk) -> None:
    for somebody in EVERYBODY:
        assert await desk.read(somebody) == {
            "counts": {"feedback": 0, "meeting": 0, "invitation": 0, "delivery": 0, "by_hand": 0},
            "items": [],
        }


async def test_feedback_waits_for_whoever_is_asked_and_for_coordinators_of_its_municipality(desk: Desk) -> None:
    feedback = await desk.elsewhere.feedback_for(VOLUNTEER.person_id)
    await desk.assert_seen_by(VOLUNTEER, COORDINATOR, kind="feedback")
    [item] = await desk.of(COORDINATOR)
    assert item["id"] == item["subject_id"] == str(feedback)
    assert (item["action"], item["status"], item["about"]) == ("acknowledge", "acknowledgement", "problem")
    assert (item["ags"], item["overdue"]) == (HERE, False)
    assert date.fromisoformat(item["due_by"]) > date.fromisoformat("2020-01-01")
    await desk.elsewhere.feedback(
        FeedbackAcknowledged, feedback, author_id=None, acknowledged_by=COORDINATOR.person_id, answer_by=date(2099, 1, 2)
    )
    [item] = await desk.of(COORDINATOR)
    assert (item["action"], item["due_by"]) == ("answer", "2099-01-02")
    await desk.elsewhere.feedback(FeedbackAnswered, feedback, author_id=None, answered_by=COORDINATOR.person_id)
    await desk.assert_seen_by(kind="feedback")


async def test_who_was_asked_in_vain_can_still_answer(desk: Desk) -> None:
    feedback = await desk.elsewhere.feedback_for(STAFF.person_id, due_in=-7)
    await desk.elsewhere.feedback(
        FeedbackOverdue,
        feedback,
        awaited=Awaited.ACKNOWLEDGEMENT,
        asked=(BOTH.person_id,),
        asked_in_vain=(STAFF.person_id,),
        due_by=date(2099, 1, 2),
    )
    await desk.assert_seen_by(STAFF, BOTH, COORDINATOR, kind="feedback")
    [item] = await desk.of(BOTH)
    assert (item["due_by"], item["overdue"]) == ("2099-01-02", True), "its author waits longer than promised"


async def test_feedback_about_a_person_is_for_those_alone_who_were_asked(desk: Desk) -> None:
    """A coordinator whom it is about is never asked. Whom it is about is not known here: others see it if they were asked."""
    await desk.elsewhere.feedback_for(STAFF.person_id, confidential=True)
    await desk.assert_seen_by(STAFF, kind="feedback")


async def test_nobody_is_to_answer_what_they_wrote(desk: Desk) -> None:
    await desk.elsewhere.feedback_for(STAFF.person_id, author_id=COORDINATOR.person_id)
    await desk.assert_seen_by(STAFF, kind="feedback")


async def test_the_administration_reads_no_feedback(desk: Desk) -> None:
    await desk.elsewhere.feedback_for(STAFF.person_id)
    assert await desk.of(ADMIN) == []


async def test_days_left_are_the_callers_own_working_days(desk: Desk) -> None:
    never = STAFF.model_copy(update={"working_days": (Weekday.SUNDAY,)})
    await desk.platform.know(never, version=2)
    await desk.elsewhere.feedback_for(STAFF.person_id, due_in=28)
    [sundays], [all_week] = await desk.of(STAFF), await desk.of(COORDINATOR)
    assert sundays["days_left"] <= 5 < all_week["days_left"]


async def test_staff_remind_whoever_has_not_replied_to_a_meeting_that_is_soon(desk: Desk) -> None:
    guests = [uuid4() for _ in range(3)]
    meeting = await desk.elsewhere.meeting(*guests, title="Runder Tisch im März")
    await desk.elsewhere.meeting(*guests, starts_in=timedelta(days=15))
    await desk.elsewhere.meeting(*guests, starts_in=timedelta(hours=-1))
    await desk.elsewhere.reply(meeting, guests[0])
    await desk.assert_seen_by(COORDINATOR, STAFF, ADMIN, kind="meeting")
    [item] = await desk.of(STAFF)
    assert (item["id"], item["title"], item["place"]) == (str(meeting), "Runder Tisch im März", "Rathaus")
    assert (item["count"], item["of"], item["action"], item["days_left"]) == (2, 3, "remind", 3)
    assert item["start"]["time_zone"] == "UTC"
    await desk.elsewhere.reply(meeting, guests[1])
    await desk.elsewhere.reply(meeting, guests[2])
    await desk.assert_seen_by(kind="meeting")
    await desk.elsewhere.reschedule(meeting)
    assert [item["count"] for item in await desk.of(STAFF)] == [3], "a new time asks again"
    await desk.elsewhere.cancel(meeting)
    await desk.assert_seen_by(kind="meeting")


async def test_ones_own_invitation_waits_for_a_reply_however_far_ahead(desk: Desk) -> None:
    meeting = await desk.elsewhere.meeting(VOLUNTEER.person_id, STRANGER.person_id, starts_in=timedelta(days=80))
    await desk.assert_seen_by(VOLUNTEER, STRANGER, kind="invitation")
    [item] = await desk.of(VOLUNTEER)
    assert item["id"] == str(desk.elsewhere.invitations[meeting, VOLUNTEER.person_id])
    assert (item["subject_id"], item["action"], item["title"]) == (str(meeting), "reply", "Runder Tisch")
    await desk.elsewhere.reply(meeting, VOLUNTEER.person_id)
    await desk.assert_seen_by(STRANGER, kind="invitation")
    await desk.elsewhere.reschedule(meeting)
    await desk.assert_seen_by(VOLUNTEER, STRANGER, kind="invitation")
    await desk.elsewhere.cancel(meeting)
    await desk.assert_seen_by(kind="invitation")


@pytest.mark.parametrize(
    ("status", "action"),
    [
        (FailedAs.BOUNCED, "mend-address"),
        (FailedAs.SUPPRESSED, "mend-address"),
        (FailedAs.UNCERTAIN, "decide"),
        (FailedAs.HELD, "decide"),
    ],
)
async def test_staff_see_deliveries_that_failed_until_they_are_settled(desk: Desk, status: FailedAs, action: str) -> None:
    subject = uuid4()
    delivery = await desk.elsewhere.delivery(status, VOLUNTEER.person_id, subject)
    await desk.assert_seen_by(COORDINATOR, STAFF, ADMIN, kind="delivery")
    [item] = await desk.of(STAFF)
    assert (item["id"], item["subject_id"], item["action"]) == (str(delivery), str(subject), action)
    assert (item["status"], item["about"], item["count"]) == (status.value, "invitation", 1)
    assert (item["person_id"], item["display_name"]) == (str(VOLUNTEER.person_id), "Volker Frei")
    await desk.elsewhere.settle(delivery, VOLUNTEER.person_id, subject)
    await desk.assert_seen_by(kind="delivery")


async def test_many_deliveries_about_one_thing_are_one_item(desk: Desk) -> None:
    people = [person(f"Person {number}", memberships=(member(Engagement.VOLUNTEER),)) for number in range(20)]
    await desk.platform.know(*people)
    meeting = await desk.elsewhere.meeting(title="Großer Tisch", starts_in=timedelta(days=60))
    for somebody in people:
        await desk.elsewhere.delivery(FailedAs.HELD, somebody.person_id, meeting)
    await desk.elsewhere.delivery(FailedAs.BOUNCED, people[0].person_id, meeting, kind="change")
    items = await desk.of(STAFF)
    assert [(item["status"], item["count"], item["title"]) for item in sorted(items, key=lambda item: -item["count"])] == [
        ("held", 20, "Großer Tisch"),
        ("bounced", 1, "Großer Tisch"),
    ]
    assert [item["display_name"] for item in items if item["count"] == 20] == [None]


async def test_people_to_be_told_by_hand_are_named_with_what_about(desk: Desk) -> None:
    meeting = await desk.elsewhere.meeting(VOLUNTEER.person_id, title="Runder Tisch im März")
    await desk.elsewhere.delivery(FailedAs.BY_HAND, VOLUNTEER.person_id, meeting)
    await desk.assert_seen_by(COORDINATOR, STAFF, ADMIN, kind="by_hand")
    [item] = [item for item in await desk.of(STAFF) if item["kind"] == "by_hand"]
    assert (item["person_id"], item["display_name"]) == (str(VOLUNTEER.person_id), "Volker Frei")
    assert (item["action"], item["about"], item["title"]) == ("phone", "invitation", "Runder Tisch im März")
    await desk.elsewhere.reply(meeting, VOLUNTEER.person_id)  # noted on the phone
    await desk.assert_seen_by(kind="by_hand")
    await desk.elsewhere.reschedule(meeting)
    await desk.assert_seen_by(COORDINATOR, STAFF, ADMIN, kind="by_hand")


async def test_nobody_is_told_of_a_meeting_that_is_over_or_called_off(desk: Desk) -> None:
    over = await desk.elsewhere.meeting(starts_in=timedelta(minutes=-1))
    called_off = await desk.elsewhere.meeting()
    for meeting in (over, called_off):
        for status in (FailedAs.BY_HAND, FailedAs.BOUNCED):
            await desk.elsewhere.delivery(status, VOLUNTEER.person_id, meeting)
    assert len(await desk.of(STAFF)) == 2
    await desk.elsewhere.cancel(called_off)
    assert await desk.of(STAFF) == []
    await desk.elsewhere.delivery(FailedAs.BY_HAND, VOLUNTEER.person_id, called_off, kind="cancellation")
    assert [item["about"] for item in await desk.of(STAFF)] == ["cancellation"]


async def test_deliveries_about_feedback_are_for_those_who_may_read_it(desk: Desk) -> None:
    for status in (FailedAs.BOUNCED, FailedAs.BY_HAND):
        await desk.elsewhere.delivery(status, VOLUNTEER.person_id, kind="feedback_asked", category="feedback")
    for kind in ("delivery", "by_hand"):
        await desk.assert_seen_by(COORDINATOR, ADMIN, kind=kind)


async def test_deliveries_of_no_municipality_are_for_the_administration(desk: Desk) -> None:
    await desk.elsewhere.delivery(FailedAs.BOUNCED, VOLUNTEER.person_id, ags=None, kind="sign_in", category="sign_in")
    await desk.assert_seen_by(ADMIN, kind="delivery")


async def test_what_waits_for_somebody_erased_waits_no_more(desk: Desk) -> None:
    meeting = await desk.elsewhere.meeting(VOLUNTEER.person_id)
    await desk.elsewhere.delivery(FailedAs.BY_HAND, VOLUNTEER.person_id, meeting)
    await desk.elsewhere.delivery(FailedAs.BOUNCED, VOLUNTEER.person_id)
    assert len(await desk.of(STAFF)) == 3
    await desk.platform.forget(VOLUNTEER.person_id)
    assert await desk.of(STAFF) == []


async def test_the_most_urgent_comes_first_and_a_tag_says_whether_it_is_the_same(desk: Desk) -> None:
    await desk.elsewhere.meeting(STAFF.person_id, starts_in=timedelta(days=40))
    overdue = await desk.elsewhere.feedback_for(STAFF.person_id, due_in=-3)
    await desk.elsewhere.delivery(FailedAs.HELD, VOLUNTEER.person_id)
    token = await desk.platform.sign_in(STAFF)
    first, second = [await desk.platform.get("/v1/today", token) for _ in range(2)]
    items = (await first.json())["items"]
    assert [item["kind"] for item in items] == ["feedback", "delivery", "invitation"]
    assert (items[0]["id"], items[0]["overdue"], items[0]["days_left"] < 0) == (str(overdue), True, True)
    assert first.headers["ETag"] == second.headers["ETag"]
    await desk.elsewhere.meeting(STAFF.person_id)
    third = await desk.platform.get("/v1/today", token)
    assert third.headers["ETag"] != first.headers["ETag"]


async def test_only_so_many_are_read_and_shown(desk: Desk) -> None:
    for number in range(210):
        await desk.elsewhere.delivery(FailedAs.HELD, VOLUNTEER.person_id, UUID(int=number))
    await desk.elsewhere.feedback_for(STAFF.person_id, due_in=-3)
    today = await desk.read(STAFF)
    assert today["counts"] == {"feedback": 1, "meeting": 0, "invitation": 0, "delivery": 200, "by_hand": 0}
    assert len(today["items"]) == 200
    assert today["items"][0]["kind"] == "feedback"
