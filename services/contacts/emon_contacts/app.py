"""Contacts: who is there and who is responsible. The composition root."""

from emon_contacts.addresses.commands import forget_past_changes
from emon_contacts.addresses.routes import router as addresses
from emon_contacts.erasures.commands import announce_again
from emon_contacts.erasures.routes import router as erasures
from emon_contacts.import_drafts import repository as import_drafts_kept
from emon_contacts.import_drafts.routes import router as import_drafts
from emon_contacts.imports import repository as imports_kept
from emon_contacts.imports.routes import router as imports
from emon_contacts.municipalities.routes import router as municipalities
from emon_contacts.organisations.routes import router as organisations
from emon_contacts.own_record.routes import router as own_record
from emon_contacts.people.commands import ensure_administrator
from emon_contacts.people.routes import router as people
from emon_contacts.settings import ContactsSettings
from emon_contacts.working_weeks.commands import forget_past_absences
from emon_contacts.working_weeks.routes import router as working_weeks
from emon_platform.database import Database, Transaction
from emon_platform.http import idempotency
from emon_platform.service import Service, Worker
from emon_platform.timers import Timer

MINUTE_S = 60.0
HOUR_S = 3600.0
DAY_S = 24 * HOUR_S


def _worker(settings: ContactsSettings, _database: Database) -> Worker:
    async def administrator(tx: Transaction) -> None:
        if settings.admin_email is not None:
            await ensure_administrator(tx, settings.admin_email, settings.admin_name)

    return Worker(
        timers=(
            Timer("administrator", HOUR_S, administrator),
            Timer("idempotency keys", HOUR_S, idempotency.sweep),
            Timer("imports", HOUR_S, imports_kept.sweep),
            Timer("import drafts", HOUR_S, import_drafts_kept.sweep),
            Timer("erasures", MINUTE_S, announce_again),
            Timer("past absences", DAY_S, forget_past_absences),
            Timer("past address changes", HOUR_S, forget_past_changes),
        )
    )


SERVICE = Service(
    name="contacts",
    title="EmON contacts",
    settings=ContactsSettings,
    routers=(municipalities, imports, import_drafts, organisations, people, own_record, addresses, erasures, working_weeks),
    worker=_worker,
)
