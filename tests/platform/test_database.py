"""A transaction is whole or nothing, and sees what its caller may see."""

from uuid import uuid4

import pytest

from emon_contracts.actors import Actor, Engagement, Grant, Role
from emon_contracts.directory import MembershipRecord, PersonRecord
from emon_contracts.permissions import Permission
from emon_contracts.refusals import Forbidden
from emon_contracts.values import Locale
from emon_embedded.service_databases import ServiceDatabase
from emon_platform import directory
from emon_platform.consumer import dead_letters
from emon_platform.consumer.records import Record
from emon_platform.consumer.subscriptions import StateRecord
from emon_platform.database import CommitFailed, Database
from emon_platform.migrations import Migration, MigrationChanged, migrate

from tests.platform.conftest import migrations

HERE, ELSEWHERE = "08115003", "08999001"


def person(ags: str) -> PersonRecord:
    membership = MembershipRecord(organisation_id=uuid4(), ags=ags, engagement=Engagement.VOLUNTEER)
    return PersonRecord(
        person_id=uuid4(), display_name="Kim Muster", email=None, locale=Locale.DE, memberships=(membership,), grants=()
    )


def coordinator_of(ags: str) -> Actor:
    return Actor(uuid4(), (Grant(role=Role.COORDINATOR, ags=ags),))


async def test_a_caller_sees_people_of_their_municipality_alone(api: Database, worker: Database) -> None:
    here, elsewhere = person(HERE), person(ELSEWHERE)
    async with worker.unscoped() as tx:
        await directory.save_people(tx, [StateRecord(item.key(), 1, item) for item in (here, elsewhere)])
    both = [here.person_id, elsewhere.person_id]
    async with api.transaction(coordinator_of(HERE), Permission.PERSON_READ) as tx:
        assert await directory.visible_people(tx, both) == {here.person_id}
    async with api.unscoped() as tx:
        assert await directory.visible_people(tx, both) == set()
    admin = Actor(uuid4(), (Grant(role=Role.NETWORK_ADMIN),))
    async with api.transaction(admin, Permission.PERSON_READ) as tx:
        assert await directory.visible_people(tx, both) == set(both)


async def test_a_permission_held_nowhere_is_refused_before_anything_is_asked(api: Database) -> None:
    with pytest.raises(Forbidden):
        async with api.transaction(Actor(uuid4()), Permission.MEETING_WRITE):
            pytest.fail("the transaction must not open")


async def test_an_error_inside_leaves_nothing_behind(worker: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with worker.unscoped() as tx:
            await tx.execute("INSERT INTO effects (subject) VALUES ('half done')")
            raise ZeroDivisionError
    async with worker.unscoped() as tx:
        assert await tx.fetchval("SELECT count(*) FROM effects") == 0


async def test_a_swallowed_database_error_does_not_pass_for_a_commit(worker: Database) -> None:
    with pytest.raises(CommitFailed):
        async with worker.unscoped() as tx:
            with pytest.raises(Exception, match="division by zero"):
                await tx.execute("SELECT 1 / 0")


async def test_a_savepoint_falls_alone(worker: Database) -> None:
    async with worker.unscoped() as tx:
        await tx.execute("INSERT INTO effects (subject) VALUES ('kept')")
        with pytest.raises(ZeroDivisionError):
            async with tx.savepoint():
                await tx.execute("INSERT INTO effects (subject) VALUES ('lost')")
                raise ZeroDivisionError
    async with worker.unscoped() as tx:
        assert [row["subject"] for row in await tx.fetch("SELECT subject FROM effects")] == ["kept"]


async def test_an_older_record_or_one_behind_a_tombstone_changes_nothing(worker: Database) -> None:
    someone = person(HERE)
    async with worker.unscoped() as tx:
        assert await directory.save_people(tx, [StateRecord(someone.key(), 2, someone)]) == [someone.person_id]
        assert await directory.save_people(tx, [StateRecord(someone.key(), 1, None)]) == []
        assert await directory.save_people(tx, [StateRecord(someone.key(), 3, None)]) == [someone.person_id]
        assert await directory.save_people(tx, [StateRecord(someone.key(), 2, someone)]) == []
        row = await tx.fetchrow("SELECT * FROM directory_people WHERE person_id = $1", someone.person_id)
    assert (row["erased"], row["display_name"], row["version"]) == (True, None, 3)


async def test_what_could_not_be_read_of_somebody_goes_with_them(worker: Database) -> None:
    erased, other = person(HERE), person(HERE)
    people, *_ = directory.subscriptions()
    async with worker.unscoped() as tx:
        for offset, someone in enumerate((erased, other)):
            record = Record(people.topic.name, 0, offset, someone.key().encode(), [], b"unreadable, with a name in it")
            await dead_letters.keep(tx, "test", record, "unreadable")
        await people.handle(tx, [StateRecord(erased.key(), 2, None), StateRecord(other.key(), 2, other)])
        assert [row["offset"] for row in await dead_letters.all_of(tx)] == [1]


async def test_migrations_are_applied_once_and_never_changed_afterwards(urls: ServiceDatabase) -> None:
    assert await migrate(urls.owner_url, urls.api_url, urls.worker_url, migrations()) == []
    changed = [Migration("tests/effects.sql", "SELECT 1")]
    with pytest.raises(MigrationChanged, match=r"effects\.sql"):
        await migrate(urls.owner_url, urls.api_url, urls.worker_url, changed)
