"""The pages about deliveries."""

from functools import partial
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Response

from emon_dashboard.deliveries import reads, words
from emon_dashboard.deliveries.reads import GROUPS, Action
from emon_dashboard.gateway import Refused
from emon_dashboard.rendering.forms import Form
from emon_dashboard.visits import PersonalVisit, SignedInVisit

router = APIRouter(prefix="/deliveries")


@router.get("")
async def list_deliveries(visit: PersonalVisit) -> Response:
    """What needs somebody; of one meeting or one person, everything first."""
    query = visit.request.query_params
    about = {name: query[name] for name in ("subject_id", "person_id") if query.get(name)}
    chosen = query.get("group", "all" if about else "needs_you")
    page = await reads.page_of_deliveries(visit, {**about, **GROUPS.get(chosen, {}), "cursor": query.get("cursor")})
    return visit.page(
        "deliveries/list.html",
        page=page,
        chosen=chosen if chosen in GROUPS else "all",
        groups=("all", *GROUPS) if about else (*GROUPS, "all"),
        about=about,
        of_group=f"/deliveries?{urlencode({**about, 'group': ''})}",
        why=partial(words.why, visit.texts),
    )


@router.get("/{delivery_id}")
async def show_delivery(delivery_id: UUID, visit: PersonalVisit) -> Response:
    """One delivery, each try of it, and what can be done."""
    return await _page(visit, delivery_id, Form())


@router.post("/{delivery_id}/{action}")
async def act(delivery_id: UUID, action: Action, visit: PersonalVisit) -> Response:
    """Does what staff decided. Where it went on meanwhile, the page shows the state of now and says why nothing was done."""
    try:
        await visit.send("POST", f"/v1/deliveries/{delivery_id}/{action.value}")
    except Refused as refusal:
        return await _page(visit, delivery_id, Form().refused(refusal, visit.texts), 422)
    return visit.see_other(f"/deliveries/{delivery_id}", done=f"deliveries.{action.value}")


async def _page(visit: SignedInVisit, delivery_id: UUID, form: Form, status: int = 200) -> Response:
    delivery = await reads.one_delivery(visit, delivery_id)
    return visit.page(
        "deliveries/delivery.html",
        status,
        delivery=delivery,
        why=words.why(visit.texts, delivery),
        tries=[(attempt, words.meaning(visit.texts, attempt)) for attempt in delivery.tries],
        form=form,
    )
