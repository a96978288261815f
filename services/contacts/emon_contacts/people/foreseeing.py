"""What entering people would come to, without entering anybody, and as far as the caller may know.

People are recognised as in `entering`, but only where the caller may look: somebody who is known elsewhere alone looks new.
"""

from collections.abc import Collection, Mapping, Sequence
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
    keys = {key_of(entry) for entry in entries}
    known: dict[Key, UUID] = {}
    known |= await repository.people_in_reach(tx, [key for key in keys if len(key) == 2])
    known |= await repository.members_without_address(tx, [key for key in keys if len(key) == 3])
    memberships = await repository.memberships_in_reach(tx, set(known.values()))
    return outcomes(entries, {key: memberships.get(person_id, set()) for key, person_id in known.items()})


def outcomes(entries: Sequence[Entry], known: Mapping[Key, Collection[MembershipRecord]]) -> list[Outcome]:
    """What would become of each, where these are known with these memberships."""
    held = {key: set(memberships) for key, memberships in known.items()}
    found: list[Outcome] = []
    for entry in entries:
        key = key_of(entry)
        if key not in held:
            found.append(Outcome.NEW)
        elif held[key].issuperset(entry.memberships):
            found.append(Outcome.UNCHANGED)
        else:
            found.append(Outcome.CHANGED)
        held.setdefault(key, set()).update(entry.memberships)
    return found


def key_of(entry: Entry) -> Key:
    """By what somebody with one membership is recognised."""
    name = identity_key(entry.display_name)
    if entry.email is not None:
        return email_key(entry.email), name
    [membership] = entry.memberships
    return name, membership.organisation_id, membership.ags
