"""The service meetings with its own database, asked over HTTP as the gateway asks it."""

from collections.abc import AsyncGenerator
from uuid import UUID, uuid4

import pytest

from emon_contracts.actors import Actor, Engagement, Grant, Role
from emon_contracts.directory import MembershipRecord, MunicipalityRecord, OrganisationRecord, PersonRecord, effective_grants
from emon_contracts.values import Locale
from emon_embedded.service_databases import ServiceDatabase
from emon_meetings.app import SERVICE
from emon_meetings.invitations.commands import invite_new_members
from emon_meetings.schema import migrations
from emon_platform import directory
from emon_platform.consumer.subscriptions import StateRecord
from emon_platform.database import Database

from tests.conftest import FreshDatabase
from tests.service_api import ServiceApi, serving

HERE, ELSEWHERE = "08115003", "08999001"
CIRCLE = UUID("00000000-0000-4000-8000-00000000c1c1")


@pytest.fixture
async def urls(fresh_database: FreshDatabase) -> ServiceDatabase:
    return await fresh_database("meetings", migrations)


@pytest.fixture
async def worker(urls: ServiceDatabase) -> AsyncGenerator[Database]:
    database = await Database.connect(urls.worker_url, name="test worker")
    yield database
    await database.close()


class Town:
    """The directory as meetings knows it: two municipalities, a circle in the first, and whoever is added."""

    def __init__(self, worker: Database) -> None:
        self._worker = worker
        self._versions: dict[UUID, int] = {}

    async def found(self) -> None:
        async with self._worker.unscoped() as tx:
            municipalities = [
                MunicipalityRecord(ags=ags, name=name) for ags, name in ((HERE, "Musterstadt"), (ELSEWHERE, "Anderswo"))
            ]
            await directory.save_municipalities(tx, [StateRecord(item.key(), 1, item) for item in municipalities])
            circle = OrganisationRecord(organisation_id=CIRCLE, name="Helferkreis", kind="helper_circle", municipalities=(HERE,))
            await directory.save_organisations(tx, [StateRecord(circle.key(), 1, circle)])

    async def add(
        self, *engagements: tuple[UUID, str, Engagement], person_id: UUID | None = None, role: Role | None = None
    ) -> Actor:
        """Somebody with these memberships (organisation, municipality, engagement), as the directory's subscriber learns it."""
        person_id = person_id or uuid4()
        self._versions[person_id] = self._versions.get(person_id, 0) + 1
        memberships = tuple(MembershipRecord(organisation_id=org, ags=ags, engagement=side) for org, ags, side in engagements)
        grants = (Grant(role=role, ags=None if role is Role.NETWORK_ADMIN else HERE),) if role else ()
        person = PersonRecord(
            person_id=person_id, display_name="Kim Muster", email=None, locale=Locale.DE, memberships=memberships, grants=grants
        )
        async with self._worker.unscoped() as tx:
            changed = await directory.save_people(tx, [StateRecord(person.key(), self._versions[person_id], person)])
            await invite_new_members(tx, changed)
        return Actor(person_id, effective_grants(memberships, grants))

    async def volunteer(self) -> Actor:
        return await self.add((CIRCLE, HERE, Engagement.VOLUNTEER))


@pytest.fixture
async def town(worker: Database) -> Town:
    town = Town(worker)
    await town.found()
    return town


@pytest.fixture
def coordinator() -> Actor:
    return Actor(uuid4(), (Grant(role=Role.COORDINATOR, ags=HERE),))


@pytest.fixture
def stranger() -> Actor:
    return Actor(uuid4(), (Grant(role=Role.COORDINATOR, ags=ELSEWHERE),))


@pytest.fixture
async def api(urls: ServiceDatabase) -> AsyncGenerator[ServiceApi]:
    async with serving(SERVICE, urls) as (transport, key):
        yield ServiceApi(SERVICE.name, transport, key)
