"""Ways in which a wish is not granted. Rules return a `Refusal`; commands raise, so that the transaction rolls back."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a rule says no.

    `code` is stable and in kebab-case; `detail` says what to do about it; `pointer` is the JSON pointer (RFC 6901) of
    the field it is about, empty for the whole request. A `conflict` is about the state of the resource (409); anything
    else is about the request (422).
    """

    code: str
    detail: str
    pointer: str = ""
    conflict: bool = False


class Refused(Exception):
    """Carries one or more refusals out of a transaction."""

    def __init__(self, *refusals: Refusal) -> None:
        super().__init__("; ".join(f"{refusal.code} at {refusal.pointer or '/'}" for refusal in refusals))
        self.refusals = refusals


class NotFound(Exception):
    """Not there, or not there for this caller: what belongs to another municipality does not exist."""

    def __init__(self, resource: str, identifier: UUID | str) -> None:
        super().__init__(f"no {resource} {identifier}")
        self.resource = resource


class Forbidden(Exception):
    """The caller holds the permission nowhere, whatever the resource."""

    def __init__(self, permission: str) -> None:
        super().__init__(f"needs the permission {permission}")
        self.permission = permission


class Outdated(Exception):
    """The resource changed since the caller read it (RFC 9110 section 13.1.1)."""
