"""Taking a chunk of a list of people, by the same rules as one alone."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from emon_contacts.imports.rows import PersonRow
from emon_contacts.imports.table import RejectedRow, Row
from emon_contacts.names import identity_key
from emon_contacts.organisations.repository import areas_of_names
from emon_contacts.people.entering import enter_people
from emon_contacts.people.rules import Entry, grant_of
from emon_contracts.actors import Actor
from emon_contracts.directory import MembershipRecord
from emon_contracts.permissions import may_grant
from emon_contracts.values import Ags, Locale
from emon_platform.database import Transaction

# For each identity key the organisations of that name, each with its municipality, for which the caller may act.
Named = Mapping[str, Sequence[tuple[UUID, Ags]]]


async def take_people(tx: Transaction, rows: Sequence[tuple[Row, PersonRow]]) -> list[RejectedRow]:
    """Enters who is new, and gives who is known what is new. Answers what was not taken."""
    named = await areas_of_names(tx, {identity_key(entry.organisation) for _, entry in rows})
    rejected: list[RejectedRow] = []
    entries: list[Entry] = []
    for row, entry in rows:
        membership = _membership(tx.actor, row, entry, named)
        if isinstance(membership, RejectedRow):
            rejected.append(membership)
        else:
            entries.append(Entry(entry.display_name, entry.email, entry.locale or Locale.DE, (membership,)))
    await enter_people(tx, entries, tx.actor.person_id)
    return rejected


def _membership(actor: Actor, row: Row, entry: PersonRow, named: Named) -> MembershipRecord | RejectedRow:
    found = named.get(identity_key(entry.organisation), ())
    if not found:
        return RejectedRow(row.number, "organisation", "there is no organisation of this name, or not for you")
    if entry.ags is not None:
        found = [area for area in found if area[1] == entry.ags]
        if not found:
            return RejectedRow(row.number, "ags", "the organisation is not active there, or not for you")
    if len(found) > 1:
        return RejectedRow(row.number, "organisation", "several organisations or municipalities fit: give the column ags")
    [(organisation_id, ags)] = found
    membership = MembershipRecord(organisation_id=organisation_id, ags=ags, engagement=entry.engagement)
    if not may_grant(actor, grant_of(membership)):
        return RejectedRow(row.number, "engagement", "nobody grants a role or a scope beyond their own")
    return membership
