"""What each service may do in Kafka: write to the topics that it publishes, read those that it subscribes to, and nothing else.

Both follow from the code: who publishes a topic stands in the contracts, who reads it in the composition of each service.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from emon_contracts.topics import TOPICS
from emon_platform.consumer.subscriptions import Subscription


@dataclass(frozen=True, slots=True)
class Right:
    """One thing that an account may do. Whoever may read or write something may also look at what it is."""

    account: str
    operation: Literal["READ", "WRITE"]
    kind: Literal["TOPIC", "GROUP"]
    name: str


def rights_of(service: str, subscriptions: Sequence[Subscription]) -> frozenset[Right]:
    """Those of one service, whose account and consumer group bear its name."""
    written = {Right(service, "WRITE", "TOPIC", topic.name) for topic in TOPICS if topic.publisher == service}
    read = {Right(service, "READ", "TOPIC", subscription.topic.name) for subscription in subscriptions}
    group = {Right(service, "READ", "GROUP", service)} if subscriptions else set[Right]()
    return frozenset(written | read | group)


def rights_of_all(subscriptions: Mapping[str, Sequence[Subscription]]) -> frozenset[Right]:
    """Those of every service."""
    return frozenset[Right]().union(*(rights_of(service, listening) for service, listening in subscriptions.items()))
