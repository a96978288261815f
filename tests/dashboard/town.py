"""A town with somebody in each role, a meeting and feedback: what pages are about."""

from dataclasses import dataclass

from tests.end_to_end.conftest import ELSEWHERE, HERE, World, meeting


@dataclass(frozen=True)
class Town:
    """E-mail addresses by role, and ids of what there is."""

    addresses: dict[str, str]
    circle: str
    volunteer: str
    meeting: str
    feedback: str


async def found_town(world: World) -> Town:
    """Makes everything by the API, as the people of the town would."""
    circle = await world.organisation()
    town_hall = await world.organisation(kind="municipality")
    far_away = await world.organisation(ELSEWHERE)
    _, coordinator = await world.person(grants=[{"role": "coordinator", "ags": HERE}])
    _, staff = await world.person((town_hall, "staff"))
    volunteer_id, volunteer = await world.person((circle, "volunteer"))
    _, stranger = await world.person((far_away, "volunteer"), grants=[{"role": "coordinator", "ags": ELSEWHERE}])
    planned = await world.admin.post("/v1/meetings", meeting(circle))
    author = await world.signed_in(volunteer)
    body = {"about": {"organisation_id": circle}, "kind": "idea", "text": "Ein Aushang am Rathaus würde helfen."}
    feedback = await author.post("/v1/feedback", body)
    addresses = {
        "network_admin": world.process.where.admin_email,
        "coordinator": coordinator,
        "staff": staff,
        "volunteer": volunteer,
        "stranger": stranger,
    }
    return Town(addresses, circle, volunteer_id, planned["id"], feedback["id"])
