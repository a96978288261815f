"""One document for the whole platform, and one readiness."""

import asyncio
from typing import Any

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from emon_gateway.routing.openapi import MergedDocument, merge
from emon_gateway.routing.services import connected

from tests.gateway.conftest import Platform, Running
from tests.gateway.peers import send_json


def document(paths: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {"title": "x", "version": "1"},
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
    }


def reading(schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"get": {"operationId": "read", "responses": {"200": {"description": "ok", "content": content}}}}


PROBLEM = {"type": "object", "properties": {"title": {"type": "string"}}}


def test_the_same_schema_is_shared_and_another_of_its_name_renamed() -> None:
    own = document({"/v1/me": reading("Item")}, {"Item": {"type": "string"}, "Problem": PROBLEM})
    contacts = document(
        {"/v1/people": reading("Page"), "/health/ready": reading("Item"), "/v1/meetings": reading("Item")},
        {
            "Item": {"type": "integer"},
            "Page": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}},
            "Problem": PROBLEM,
        },
    )
    meetings = document(
        {"/v1/meetings/{meeting_id}": reading("Page")},
        {
            "Item": {"type": "integer"},
            "Page": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}},
            "Problem": PROBLEM,
        },
    )
    merged = merge(own, {"contacts": contacts, "meetings": meetings})
    schemas = merged["components"]["schemas"]
    assert schemas["Item"] == {"type": "string"}
    assert schemas["ContactsItem"] == {"type": "integer"}
    assert schemas["Page"]["items"] == {"$ref": "#/components/schemas/ContactsItem"}
    assert schemas["MeetingsPage"]["items"] == {"$ref": "#/components/schemas/MeetingsItem"}
    assert schemas["Problem"] == PROBLEM
    # Only what is reached through the gateway, and of each service only what is routed to it.
    assert set(merged["paths"]) == {"/v1/me", "/v1/people", "/v1/meetings/{meeting_id}"}
    operation = merged["paths"]["/v1/meetings/{meeting_id}"]["get"]
    assert operation["security"] == [{"bearer": []}]
    assert operation["operationId"] == "meetings_read"
    assert {"401", "429", "503"} <= operation["responses"].keys()
    _expect_references_to_resolve(merged)


async def test_the_document_is_served_and_has_the_gateways_own_routes(platform: Platform) -> None:
    served = document({"/v1/meetings": reading("Meeting")}, {"Meeting": {"type": "object"}})

    async def serve(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send_json(send, served)

    platform.peers["meetings"].answers["/openapi.json"] = serve
    answer = await platform.get("/openapi.json")
    assert answer.status == 200
    merged = await answer.json()
    assert merged["openapi"].startswith("3.1")
    own = {
        *("/v1/sign-in-links", "/v1/sign-in-links/preview", "/v1/sessions", "/v1/sessions/current", "/v1/me"),
        *("/v1/today", "/v1/today/events", "/v1/network/municipalities"),
    }
    assert own | {"/v1/meetings"} == set(merged["paths"])
    assert merged["paths"]["/v1/today/events"]["get"]["responses"]["200"]["content"].keys() == {"text/event-stream"}
    assert merged["components"]["securitySchemes"].keys() == {"bearer"}
    assert "security" not in merged["paths"]["/v1/sessions"]["post"]
    assert merged["paths"]["/v1/me"]["get"]["security"] == [{"bearer": []}]
    _expect_references_to_resolve(merged)


async def test_a_service_that_was_never_seen_leaves_no_half_document(run_platform: Running) -> None:
    platform = await run_platform(notifications_url="http://127.0.0.1:1")
    answer = await platform.get("/openapi.json")
    assert answer.status == 503
    assert answer.headers["Retry-After"]


async def test_a_service_that_is_down_keeps_its_part(platform: Platform) -> None:
    working = True
    served = document({"/v1/meetings": reading("Meeting")}, {"Meeting": {"type": "object"}})

    async def serve(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send_json(send, served if working else {}, 200 if working else 500)

    platform.peers["meetings"].answers["/openapi.json"] = serve
    async with connected(platform.peer_urls) as services:
        always_refreshed = MergedDocument(FastAPI(), refreshed_after_s=0)
        first = await always_refreshed.read(services)
        working = False
        assert await always_refreshed.read(services) == first
        assert b"/v1/meetings" in first


async def test_the_platform_is_ready_once_every_part_is(platform: Platform) -> None:
    ready = await platform.ready()
    assert ready.status == 200
    assert await ready.json() == {"status": "ready", "troubles": [], "remarks": []}

    async def lacks_its_broker(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send_json(send, {"status": "not-ready", "troubles": ["relay: KafkaConnectionError"]}, 503)

    async def silent(_scope: Scope, receive: Receive, _send: Send) -> None:
        await receive()
        await receive()

    platform.peers["meetings"].answers["/health/ready"] = lacks_its_broker
    platform.peers["contacts"].answers["/health/ready"] = silent
    answer = await asyncio.wait_for(platform.ready(), 3)
    assert answer.status == 503
    assert set((await answer.json())["troubles"]) == {"contacts: does not answer", "meetings: relay: KafkaConnectionError"}


def _expect_references_to_resolve(part: Any, schemas: dict[str, Any] | None = None) -> None:
    known: dict[str, Any] = part["components"]["schemas"] if schemas is None else schemas
    if isinstance(part, dict):
        for key, value in part.items():  # pyright: ignore[reportUnknownVariableType]
            if key == "$ref":
                assert str(value).removeprefix("#/components/schemas/") in known  # pyright: ignore[reportUnknownArgumentType]
            else:
                _expect_references_to_resolve(value, known)
    elif isinstance(part, list):
        for value in part:  # pyright: ignore[reportUnknownVariableType]
            _expect_references_to_resolve(value, known)
