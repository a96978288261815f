"""What a service listens to, and what it does about it."""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emon_contracts.envelope import Event, Payload
from emon_contracts.topics import Topic
from emon_platform.database import Transaction

# Called with events of one type in the order in which they came: the whole run of them that stands together in a batch.
FactHandler = Callable[[Transaction, Sequence[Event[Any]]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Facts:
    """Events that each happened once. The inbox drops what was handled already; order within a key is kept.

    Known types without a handler are not this service's business and are passed over.
    """

    topic: Topic
    handlers: Mapping[type[Payload], FactHandler]


@dataclass(frozen=True, slots=True)
class StateRecord:
    """The newest record of one key within a batch. A payload of None is a tombstone."""

    key: str
    version: int
    payload: Payload | None


StateHandler = Callable[[Transaction, Sequence[StateRecord]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class States:
    """Records of whole state. A batch is folded to the newest of each key; the handler ignores what is older than it has."""

    topic: Topic
    payload: type[Payload]
    handle: StateHandler


Subscription = Facts | States


def purpose(handler: Callable[..., object]) -> str:
    """What follows where this handler listens: the first paragraph of its docstring, in one line. `docs/events.md` shows it."""
    return " ".join((inspect.getdoc(handler) or "").partition("\n\n")[0].split())
