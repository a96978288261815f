"""Taking a chunk of a list of organisations, by the same rules as one alone."""

from collections.abc import Sequence

from uuid_utils.compat import uuid7

from emon_contacts.imports.rows import OrganisationRow
from emon_contacts.imports.table import RejectedRow, Row
from emon_contacts.municipalities.repository import open_municipalities
from emon_contacts.names import identity_key
from emon_contacts.organisations import repository
from emon_contacts.organisations.commands import announce
from emon_contacts.organisations.rules import Organisation, check_municipality
from emon_platform.database import Transaction


async def take_organisations(tx: Transaction, rows: Sequence[tuple[Row, OrganisationRow]]) -> list[RejectedRow]:
    """Registers what is new; what is registered already is taken as it is. Answers what was not taken."""
    rejected: list[RejectedRow] = []
    known_municipalities = await open_municipalities(tx, {entry.ags for _, entry in rows})
    in_reach: list[tuple[Row, OrganisationRow]] = []
    for row, entry in rows:
        refusal = check_municipality(tx.scope, entry.ags, known_municipalities, "/ags")
        if refusal is None:
            in_reach.append((row, entry))
        else:
            rejected.append(RejectedRow(row.number, "ags", refusal.detail))
    await repository.lock_names(tx, {entry.ags for _, entry in in_reach})
    known = await repository.organisations_of_names(tx, sorted({(entry.ags, identity_key(entry.name)) for _, entry in in_reach}))
    new: list[Organisation] = []
    for row, entry in in_reach:
        key = (entry.ags, identity_key(entry.name))
        if key not in known:
            known[key] = entry.kind
            new.append(Organisation(uuid7(), entry.name, entry.kind, 1, (entry.ags,)))
        elif known[key] is not entry.kind:
            rejected.append(
                RejectedRow(row.number, "kind", f"an organisation of this name is registered there as {known[key].value}")
            )
    if new:
        await repository.add_organisations(tx, [(item.id, item.name, item.kind) for item in new])
        await repository.add_areas(tx, [(item.id, item.municipalities[0], item.name) for item in new])
        await announce(tx, new=new)
    return rejected
