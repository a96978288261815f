"""Taking a chunk of a list of people, by the same rules as one alone."""

from collections.abc import Sequence
from uuid import UUID

from emon_contacts.imports.rows import PersonRow, RowRefusal
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

# The organisations that a row can mean, each with its municipality, as far as the caller may act for them.
Areas = Sequence[tuple[UUID, Ags]]


async def take_people(tx: Transaction, rows: Sequence[tuple[Row, PersonRow]]) -> list[RejectedRow]:
    """Enters who is new, and gives who is known what is new. Answers what was not taken."""
    named = await areas_of_names(tx, {identity_key(listed.organisation) for _, listed in rows})
    rejected: list[RejectedRow] = []
    entries: list[Entry] = []
    for row, listed in rows:
        entry = entry_of(tx.actor, listed, named.get(identity_key(listed.organisation), ()))
        if isinstance(entry, RowRefusal):
            rejected.append(RejectedRow(row.number, entry.field, entry.detail))
        else:
            entries.append(entry)
    await enter_people(tx, entries, tx.actor.person_id)
    return rejected


def entry_of(actor: Actor, listed: PersonRow, areas: Areas) -> Entry | RowRefusal:
    """Somebody of a list with the one membership that is meant, or why they cannot be entered."""
    if not areas:
        return RowRefusal("unknown-organisation", "there is no organisation of this name, or not for you", "organisation")
    if listed.ags is not None:
        areas = [area for area in areas if area[1] == listed.ags]
        if not areas:
            return RowRefusal("not-active-there", "the organisation is not active there, or not for you", "ags")
    if len(areas) > 1:
        return RowRefusal(
            "which-municipality", "several organisations or municipalities fit: give the column ags", "organisation"
        )
    [(organisation_id, ags)] = areas
    membership = MembershipRecord(organisation_id=organisation_id, ags=ags, engagement=listed.engagement)
    if not may_grant(actor, grant_of(membership)):
        return RowRefusal("grant-beyond-own", "nobody grants a role or a scope beyond their own", "engagement")
    return Entry(listed.display_name, listed.email, listed.locale or Locale.DE, (membership,))
