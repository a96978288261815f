"""Contacts: who is there and who is responsible. The composition root."""

from emon_contacts.imports import repository as imports_kept
from emon_contacts.imports.routes import router as imports
from emon_contacts.municipalities.routes import router as municipalities
from emon_contacts.organisations.routes import router as organisations
from emon_contacts.people.commands import ensure_administrator
from emon_contacts.people.routes import router as people
from emon_contacts.settings import ContactsSettings
from emon_platform.database import Database, Transaction
from emon_platform.http import idempotency
from emon_platform.service import Service, Worker
from emon_platform.timers import Timer

HOUR_S = 3600.0


def _worker(settings: ContactsSettings, _database: Database) -> Worker:
    async def administrator(tx: Transaction) -> None:
        if settings.admin_email is not None:
            await ensure_administrator(tx, settings.admin_email, settings.admin_name)

    return Worker(
        timers=(
            Timer("administrator", HOUR_S, administrator),
            Timer("idempotency keys", HOUR_S, idempotency.sweep),
            Timer("imports", HOUR_S, imports_kept.sweep),
        )
    )


SERVICE = Service(
    name="contacts",
    title="EmON contacts",
    settings=ContactsSettings,
    routers=(municipalities, imports, organisations, people),
    worker=_worker,
)
