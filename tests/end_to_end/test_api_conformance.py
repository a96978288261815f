"""Every route of the merged document, asked by a coordinator and the administrator: no undocumented answer, no error of ours."""

import asyncio

import pytest

from emon_operator.demo_client import Browser

from tests.end_to_end.asking import EXAMPLES, Asking, Values
from tests.end_to_end.conftest import ELSEWHERE, HERE, World, meeting
from tests.end_to_end.platform_process import every_page
from tests.end_to_end.test_round_table import settled

CSV = {"Content-Type": "text/csv"}


async def real_values(world: World, caller: Browser) -> Values:
    """Values that mean something to the platform, by the name of the field or parameter that takes them."""
    circle = await world.organisation()
    member, _ = await world.person((circle, "volunteer"))
    other, _ = await world.person((await world.organisation(ELSEWHERE), "staff"))
    meetings = [(await caller.post("/v1/meetings", meeting(circle)))["id"] for _ in range(2)]
    deliveries = [(await settled(caller, made, 1))[0]["id"] for made in meetings]
    invitations = await every_page(caller, f"/v1/meetings/{meetings[0]}/invitations")
    _, imported, _ = await caller.ask("POST", "/v1/organisations/imports", "name,kind,ags\nX,nonsense,1\n", CSV)
    _, draft, _ = await caller.ask("POST", "/v1/people/import-drafts", "Name;Kreis;EA/HA\nFund;Nirgends;ea\n", CSV)
    return {
        "ags": (HERE, HERE, ELSEWHERE),
        "organisation_id": (circle,),
        "person_id": (member, member, other),
        "meeting_id": meetings,
        "subject_id": meetings,
        "delivery_id": deliveries,
        "invitation_id": [invitation["id"] for invitation in invitations],
        "import_id": (imported["id"],),
        "draft_id": (draft["id"],),
        "columns": ({"0": "display_name", "1": "organisation", "2": "engagement"}, {"0": "email", "1": "email"}, {}),
        "time_zone": ("Europe/Berlin", "UTC"),
        "local": ("2027-03-28T18:00", "2027-03-28T02:30", "2027-10-31T02:30", "2001-01-01T00:00"),
        "link": ("https://video.example/runde", None),
        "email": tuple(f"fund{number}@example.org" for number in range(5)),
        "title": ("Runder Tisch", "Austausch"),
        "display_name": ("Anna Fund", "Bernd Fund"),
        "participants": ([{"organisation_id": circle}], [{"person_id": member}], [{"person_id": other}]),
        "memberships": ([{"organisation_id": circle, "engagement": "volunteer"}],),
        "grants": ([], [{"role": "coordinator", "ags": HERE}], [{"role": "network_admin"}]),
        "text/csv": (
            f"name,kind,ags\nFundkreis,helper_circle,{HERE}\nAnderswo,helper_circle,{ELSEWHERE}\n",
            "email;display_name;locale;organisation;engagement\nfund@example.org;Fund;de;Nirgends;volunteer\n",
            'name,kind,ags\n"offen',
        ),
    }


@pytest.mark.parametrize("who", ["coordinator", "administrator"])
async def test_every_answer_is_documented_and_none_is_an_error_of_ours(world: World, who: str) -> None:
    caller = await world.coordinator() if who == "coordinator" else world.admin
    ours = await real_values(world, caller)
    document = await world.visitor.get("/openapi.json")
    asking = Asking(document, world.process.where.gateway_url, caller.token, ours)
    await asyncio.to_thread(asking.every_route)
    assert not asking.wrong, "\n\n".join(asking.wrong.values())
    assert asking.asked > EXAMPLES


async def test_an_undocumented_answer_is_seen(world: World) -> None:
    document = await world.visitor.get("/openapi.json")
    del document["paths"]["/v1/me"]["get"]["responses"]["200"]
    asking = Asking(document, world.process.where.gateway_url, world.admin.token, {})
    await asyncio.to_thread(asking.routes, ["GET /v1/me"])
    assert "Undocumented status code" in "".join(asking.wrong)
