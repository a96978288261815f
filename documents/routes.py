"""`docs/routes.md`: every route of the merged OpenAPI document with the permission it needs and what it does."""

from collections.abc import Iterator
from typing import Any

from emon_contracts.permissions import LINKS, PERMISSIONS, Permission, Reach
from emon_platform.http.app import NO_PERMISSION

from documents.schemas import Undocumented
from documents.tables import HEADING, table

METHODS = ("get", "post", "put", "patch", "delete")

INTRODUCTION = """\
Every route below the gateway, with the one permission that it names (`x-permission` in `/openapi.json`). `none` needs no role:
the route opens a session, or is about nobody but the caller. How far each role carries a permission stands at the end.
"""

_REACH = {
    Reach.EVERYWHERE: "everywhere",
    Reach.MUNICIPALITY: "in the municipality",
    Reach.ORGANISATION: "in the organisation",
    Reach.OWN: "what is their own",
}


def operations(openapi: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and operation of every route."""
    for path, item in openapi["paths"].items():
        yield from ((method, path, item[method]) for method in METHODS if method in item)


def permission_of(method: str, path: str, operation: dict[str, Any]) -> str:
    """What the route names. Raises Undocumented where it names nothing, or nothing that there is."""
    named = operation.get("x-permission")
    if named != NO_PERMISSION and named not in set(Permission):
        raise Undocumented(
            f'{method.upper()} {path} names no permission: add openapi_extra={{"x-permission": Permission.…}} to its route, '
            f'or "{NO_PERMISSION}" where it is about the caller alone.'
        )
    return str(named)


def routes_markdown(openapi: dict[str, Any]) -> str:
    """The document as text. Raises Undocumented."""
    by_tag: dict[str, list[tuple[str, str, str]]] = {}
    for method, path, operation in operations(openapi):
        if not operation.get("summary") or not operation.get("tags"):
            raise Undocumented(f"{method.upper()} {path} needs a docstring that says what it does, and a tag.")
        row = (f"`{method.upper()} {path}`", permission_of(method, path, operation), operation["summary"])
        by_tag.setdefault(operation["tags"][0], []).append(row)
    parts = [f"# Routes\n\n{HEADING}\n\n{INTRODUCTION}"]
    for tag, rows in sorted(by_tag.items()):
        parts.append(f"## {tag}\n\n{table(('route', 'permission', 'what it does'), rows)}")
    return "\n".join([*parts, f"## Permissions\n\n{_permissions()}"])


def _permissions() -> str:
    return table(("permission", "who holds it, how far"), ((permission, _holders(permission)) for permission in Permission))


def _holders(permission: Permission) -> str:
    roles = [f"{role}: {_REACH[reach]}" for role, reach in PERMISSIONS[permission].items()]
    links = [f"holder of a link ({purpose}): what it is about" for purpose, allowed in LINKS.items() if permission in allowed]
    return ", ".join([*roles, *links])
