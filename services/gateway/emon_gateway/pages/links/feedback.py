"""The page of feedback behind a link in a mail, for whoever is asked and for its author."""

from typing import Any

from fastapi import Response
from starlette.datastructures import FormData

from emon_contracts.actors import LinkPurpose
from emon_gateway.pages import feedback
from emon_gateway.pages.links.visits import LinkPage, Visit


async def _show(visit: Visit) -> Response:
    return await feedback.show(visit.request, _asking(visit))


async def _act(visit: Visit, form: FormData) -> Response:
    return await feedback.act(visit.request, form, _asking(visit))


def _asking(visit: Visit) -> feedback.Ask:
    async def ask(method: str, path: str, body: Any) -> tuple[int, Any]:
        target = f"/v1/feedback/{visit.link.subject_id}{path}"
        return await visit.ask("feedback", method, target, purpose=LinkPurpose.FEEDBACK, body=body)

    return ask


FEEDBACK = LinkPage(_show, _act)
