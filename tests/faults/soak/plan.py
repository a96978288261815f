"""The plan of a soak: who does what, and what breaks, when. Made from the seed alone, before anything runs; pure.

People, circles, meetings and feedback bear numbers, and every number of a plan is used the same way each time, so that a failure
can be played again from its seed. How far the platform has come when a fault strikes is not the plan's to say.
"""

import random
from dataclasses import dataclass

from tests.faults.soak.deeds import Guest, Operation
from tests.faults.soak.faults import Fault, faults_of
from tests.faults.soak.story import Cast, Lane

LANES = 3
HAS_A_MEDIATOR = 0.5


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a soak does. Without a mediator, whoever was asked last is reminded when a deadline passes."""

    seed: int
    seconds: float
    has_mediator: bool
    guests: tuple[Guest, ...]
    operations: tuple[Operation, ...]
    faults: tuple[Fault, ...]


def plan_of(seed: int, seconds: float) -> Plan:
    """The same for the same seed and time."""
    # A generator for each part, so that a new kind of fault does not change what people do.
    people, deeds, faults = (random.Random(f"{seed}/{part}") for part in ("people", "deeds", "faults"))
    cast = Cast(people)
    lanes = [Lane(number, cast, deeds) for number in range(LANES)]
    guests = tuple(cast.guests)
    operations = [operation for lane in lanes for operation in lane.operations(seconds)]
    operations.sort(key=lambda operation: operation.at_s)
    has_mediator = random.Random(f"{seed}/mediator").random() < HAS_A_MEDIATOR
    return Plan(seed, seconds, has_mediator, guests, tuple(operations), tuple(faults_of(faults, seconds)))
