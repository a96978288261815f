"""Who listens to a message, and why: from the subscriptions of each service and the docstrings of their handlers."""

from collections.abc import Iterator
from dataclasses import dataclass

from emon_contracts.envelope import Payload
from emon_platform.consumer.subscriptions import FactHandler, Facts, StateHandler, Subscription, purpose

from documents.composition import Composition
from documents.schemas import Undocumented


@dataclass(frozen=True, slots=True)
class Listener:
    """A service, and what it does when the message comes."""

    service: str
    why: str


def listeners_of(message: type[Payload], composed: Composition) -> list[Listener]:
    """The services that listen to a message, by name. Raises Undocumented for a handler that does not say why."""
    return [
        Listener(service, _why(handler, service, message))
        for service, subscriptions in sorted(composed.subscriptions.items())
        for subscription in subscriptions
        for handler in _handlers(subscription, message)
    ]


def _handlers(subscription: Subscription, message: type[Payload]) -> Iterator[FactHandler | StateHandler]:
    if isinstance(subscription, Facts):
        if message in subscription.handlers:
            yield subscription.handlers[message]
    elif subscription.payload is message:
        yield subscription.handle


def _why(handler: FactHandler | StateHandler, service: str, message: type[Payload]) -> str:
    why = purpose(handler)
    if not why:
        name = getattr(handler, "__qualname__", repr(handler))
        raise Undocumented(
            f"{name} of {service} handles {message.__name__} and has no docstring: say in a sentence what follows."
        )
    return why
