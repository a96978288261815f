"""The network in numbers: for its administration alone, and none that tells who wrote what."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from emon_contracts.actors import Engagement, Grant, Role
from emon_contracts.directory import MembershipRecord, MunicipalityRecord, OrganisationRecord
from emon_contracts.events.feedback import FeedbackAnswered
from emon_contracts.events.notifications import FailedAs
from emon_gateway.network.rules import FEEDBACK_FROM_PEOPLE, FeedbackCounts, feedback_shown, organisations_by_group
from emon_platform.consumer.subscriptions import StateRecord
from emon_platform.directory import save_municipalities, save_organisations

from tests.gateway.conftest import Platform, person
from tests.gateway.elsewhere import ELSEWHERE, HERE, Elsewhere

ADMIN = person("Adi Admin", grants=(Grant(role=Role.NETWORK_ADMIN),))
COORDINATOR = person("Conny", grants=(Grant(role=Role.COORDINATOR, ags=HERE),))
EMPTY = "08999009"


def test_feedback_is_counted_only_where_enough_people_could_have_written_it() -> None:
    counts = FeedbackCounts(1, 0, 0, 0)
    assert feedback_shown(counts, FEEDBACK_FROM_PEOPLE) == counts
    assert feedback_shown(counts, FEEDBACK_FROM_PEOPLE - 1) is None


def test_every_organisation_is_in_one_group() -> None:
    by_kind = {"helper_circle": 2, "parish": 1, "welfare_association": 3, "municipality": 1, "something_new": 1}
    assert organisations_by_group(by_kind) == {"authorities": 1, "helper_circles": 2, "providers": 4, "others": 1}
    assert organisations_by_group({}) == {"authorities": 0, "helper_circles": 0, "providers": 0, "others": 0}


@pytest.fixture
async def elsewhere(platform: Platform) -> Elsewhere:
    await platform.know(ADMIN, COORDINATOR)
    async with platform.worker.unscoped() as tx:
        towns = [MunicipalityRecord(ags=ags, name=f"Stadt {ags}") for ags in (HERE, ELSEWHERE, EMPTY)]
        await save_municipalities(tx, [StateRecord(item.key(), 1, item) for item in towns])
    return Elsewhere(platform.worker)


async def organisation(platform: Platform, kind: str, *municipalities: str) -> OrganisationRecord:
    record = OrganisationRecord(organisation_id=uuid4(), name="Geheimer Name", kind=kind, municipalities=municipalities)
    async with platform.worker.unscoped() as tx:
        await save_organisations(tx, [StateRecord(record.key(), 1, record)])
    return record


async def numbers(platform: Platform, query: str = "") -> dict[str, Any]:
    answer = await platform.get(f"/v1/network/municipalities{query}", await platform.sign_in(ADMIN))
    assert answer.status == 200, await answer.text()
    assert "Geheim" not in await answer.text()
    return await answer.json()


async def test_a_municipality_in_numbers(platform: Platform, elsewhere: Elsewhere) -> None:
    circle = await organisation(platform, "helper_circle", HERE, ELSEWHERE)
    await organisation(platform, "parish", HERE)

    def member(engagement: Engagement) -> MembershipRecord:
        return MembershipRecord(organisation_id=circle.organisation_id, ags=HERE, engagement=engagement)

    staff = person("Geheim", memberships=(member(Engagement.STAFF), member(Engagement.VOLUNTEER)))
    volunteers = [person("Geheim", memberships=(member(Engagement.VOLUNTEER),)) for _ in range(4)]
    await platform.know(staff, *volunteers)
    for days in (-91, -89, -1, 1, 89, 91):
        await elsewhere.meeting(starts_in=timedelta(days=days))
    await elsewhere.cancel(await elsewhere.meeting())
    await elsewhere.feedback_for(staff.person_id)
    await elsewhere.feedback_for(staff.person_id, due_in=-3, confidential=True)
    for due_in, answered_days_ago in ((5, 1), (-3, 1), (-100, 99)):
        feedback = await elsewhere.feedback_for(staff.person_id, due_in=due_in)
        at = datetime.now(UTC) - timedelta(days=answered_days_ago)
        await elsewhere.feedback(FeedbackAnswered, feedback, at=at, author_id=None, answered_by=staff.person_id)
    meeting = uuid4()
    await elsewhere.delivery(FailedAs.BOUNCED, staff.person_id, meeting)
    await elsewhere.settle(await elsewhere.delivery(FailedAs.HELD, staff.person_id, meeting), staff.person_id, meeting)

    page = await numbers(platform)
    assert page["next_cursor"] is None
    assert page["items"] == [
        {
            "ags": HERE,
            "name": f"Stadt {HERE}",
            "organisations": {"authorities": 0, "helper_circles": 1, "providers": 1, "others": 0},
            "people": {"staff": 1, "volunteers": 5},
            "meetings": {"held": 2, "planned": 2},
            "feedback": {"open": 2, "overdue": 1, "answered": 2, "answered_in_time": 1},
            "deliveries_failed": 1,
        },
        {
            "ags": ELSEWHERE,
            "name": f"Stadt {ELSEWHERE}",
            "organisations": {"authorities": 0, "helper_circles": 1, "providers": 0, "others": 0},
            "people": {"staff": 0, "volunteers": 0},
            "meetings": {"held": 0, "planned": 0},
            "feedback": None,
            "deliveries_failed": 0,
        },
    ]


async def test_it_goes_on_where_the_page_before_ended(platform: Platform, elsewhere: Elsewhere) -> None:
    await organisation(platform, "helper_circle", HERE, ELSEWHERE)
    first = await numbers(platform, "?limit=1")
    second = await numbers(platform, f"?limit=1&cursor={first['next_cursor']}")
    assert [item["ags"] for page in (first, second) for item in page["items"]] == [HERE, ELSEWHERE]
    assert second["next_cursor"] is None
    token = await platform.sign_in(ADMIN)
    for query in ("?cursor=x", "?limit=0", "?cursor=WyInIE9SIDE9MSJd"):
        assert (await platform.get(f"/v1/network/municipalities{query}", token)).status == 422


async def test_it_is_for_the_administration_alone(platform: Platform, elsewhere: Elsewhere) -> None:
    await elsewhere.meeting()
    assert (await platform.get("/v1/network/municipalities", await platform.sign_in(COORDINATOR))).status == 403
    assert (await platform.get("/v1/network/municipalities")).status == 401


async def test_who_counts_feedback_reads_none(platform: Platform, elsewhere: Elsewhere) -> None:
    """What the network may count does not come into what needs its administration."""
    await elsewhere.feedback_for(uuid4(), due_in=-3)
    await numbers(platform)
    today = await (await platform.get("/v1/today", await platform.sign_in(ADMIN))).json()
    assert today["items"] == []
