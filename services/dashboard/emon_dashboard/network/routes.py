"""The page about the network."""

from fastapi import APIRouter, Response

from emon_dashboard.network import reads
from emon_dashboard.visits import PersonalVisit

router = APIRouter(prefix="/network")


@router.get("")
async def show_network(visit: PersonalVisit) -> Response:
    """Municipalities in numbers."""
    page = await reads.page_of_municipalities(visit, visit.request.query_params.get("cursor"))
    return visit.page("network/network.html", page=page)
