"""What entering people would come to, without entering anybody, and as far as the caller may know.

People are recognised as in `entering`, but only where the caller may look: somebody who is known elsewhere alone looks new.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from uuid import UUID

from emon_contacts.names import identity_key
from emon_contacts.people import repository
from emon_contacts.people.rules import Entry
from emon_contracts.directory import MembershipRecord
from emon_contracts.values import Ags, email_key
from emon_platform.database import Transaction


class Outcome(StrEnum):
    """What becomes of an entry: somebody new, something new for somebody known, or nothing."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


# By what somebody is recognised: address and name, or name, organisation and municipality.
Key = tuple[str, str] | tuple[str, UUID, Ags]


async def foresee(tx: Transaction, entries: Sequence[Entry]) -> list[Outcome]:
    """What would become of each, entered in this order. Every entry has one membership."""
    keys = await asyncio.to_thread(lambda: [key_of(entry) for entry in entries])
    wanted = set(keys)
    known: dict[Key, UUID] = {}
    known |= await repository.people_in_reach(tx, [key for key in wanted if len(key) == 2])
    known |= await repository.members_without_address(tx, [key for key in wanted if len(key) == 3])
    held = await repository.memberships_in_reach(tx, set(known.values()))
    memberships = {key: held.get(person_id, ()) for key, person_id in known.items()}
    return outcomes([(key, entry.memberships) for key, entry in zip(keys, entries, strict=True)], memberships)


def outcomes(
    wanted: Iterable[tuple[Key, Collection[MembershipRecord]]], known: Mapping[Key, Collection[MembershipRecord]]
) -> list[Outcome]:
    """What would become of each who is to have these memberships, where those who are known have theirs."""
    held = {key: set(memberships) for key, memberships in known.items()}
    found: list[Outcome] = []
    for key, memberships in wanted:
        if key not in held:
            found.append(Outcome.NEW)
        elif held[key].issuperset(memberships):
            found.append(Outcome.UNCHANGED)
        else:
            found.append(Outcome.CHANGED)
        held.setdefault(key, set()).update(memberships)
    return found


def key_of(entry: Entry) -> Key:
    """By what somebody with one membership is recognised."""
    name = identity_key(entry.display_name)
    if entry.email is not None:
        return email_key(entry.email), name
    [membership] = entry.memberships
    return name, membership.organisation_id, membership.ags
