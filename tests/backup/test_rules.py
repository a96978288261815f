"""What a manifest, a restore and a comparison decide, without a database."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given, strategies as st

from emon_contacts.erasures.rules import Erasure
from emon_operator.backup.comparing_rules import MENDING, Copy, Difference, Seen, differences
from emon_operator.backup.erasure_log import NoErasureLog, append_to_log, read_log
from emon_operator.backup.in_flight import line_of, record_of
from emon_operator.backup.manifest import Manifest, by_topic, first_in_flight, is_same_log, partitions_of, unknown_migrations
from emon_operator.backup.places import SettingsMissing, places_of_environment
from emon_operator.backup.restoring_rules import DatabaseFound, erasures_unknown, merged, refusals
from emon_operator.backup.whole_folder import FolderExists, whole_folder
from emon_operator.doctor.installation import installation_of
from emon_operator.secret_files import keep_secret_files
from emon_platform.consumer.offsets import Partition
from emon_platform.consumer.records import Record

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
HERE, THERE = Partition("emon.meetings.events", 0), Partition("emon.meetings.events", 1)
BERTA = UUID(int=2)


def manifest(taken_at: datetime = NOW, ends: dict[Partition, int] | None = None) -> Manifest:
    return Manifest(
        version="1", taken_at=taken_at, finished_at=taken_at, writers_waited_ms=1, kafka_cluster="one",
        log_ends=by_topic({HERE: 5} if ends is None else ends), in_flight=0, databases={}, files={},
    )  # fmt: skip


def test_a_backup_is_older_or_newer_than_what_this_version_knows() -> None:
    known = {"outbox/0001.sql": "a", "contacts/0002.sql": "b"}
    assert unknown_migrations({"outbox/0001.sql": "a"}, known) == [], "newer migrations are applied after it is restored"
    assert unknown_migrations({**known, "contacts/0003.sql": "c"}, known) == [
        "contacts/0003.sql is not known to this version: it is older than the backup"
    ]
    assert unknown_migrations({"outbox/0001.sql": "z"}, known) == ["outbox/0001.sql has other contents"]


def test_the_same_log_is_of_the_same_cluster_and_no_shorter() -> None:
    assert is_same_log(manifest(), "one", {HERE: 5, THERE: 0})
    assert is_same_log(manifest(), "one", {HERE: 9})
    assert not is_same_log(manifest(), "two", {HERE: 9})
    assert not is_same_log(manifest(), "one", {HERE: 4}), "the topic was made anew"
    assert not is_same_log(manifest().model_copy(update={"log_ends": None}), "one", {HERE: 9})


def test_in_flight_is_what_the_slowest_consumer_still_had_before_it() -> None:
    positions = {"feedback": {HERE: 3}, "gateway": {HERE: 7, THERE: 1}}
    assert first_in_flight(positions, {HERE: 0, THERE: 4}) == {HERE: 3, THERE: 4}


@given(st.dictionaries(st.builds(Partition, st.text(), st.integers(0, 9)), st.integers(0)))
def test_offsets_are_the_same_after_they_were_written(offsets: dict[Partition, int]) -> None:
    assert partitions_of(by_topic(offsets)) == offsets


BYTES = st.none() | st.binary()


@given(
    st.builds(Record, st.text(), st.integers(0), st.integers(0), BYTES, st.lists(st.tuples(st.text(), BYTES)), BYTES, st.none())
)
def test_a_record_is_the_same_after_it_was_written(record: Record) -> None:
    line = line_of(record)
    assert "\n" not in line
    assert record_of(line) == record


def test_nothing_is_restored_under_a_service_that_runs_or_over_data() -> None:
    free = DatabaseFound()
    assert refusals({"contacts": free}, replace=False) == []
    full = DatabaseFound(rows={"people": 3})
    assert "3 in people" in refusals({"contacts": full}, replace=False)[0]
    assert refusals({"contacts": full}, replace=True) == []
    used = DatabaseFound(sessions=["contacts relay", "contacts api", "contacts api"])
    assert "contacts api, contacts relay" in refusals({"contacts": used}, replace=True)[0]


def test_somebody_must_know_who_was_erased_since() -> None:
    def unknown(taken_at: datetime, *, same: bool, log: bool = False, nobody: bool = False) -> str | None:
        return erasures_unknown(manifest(taken_at), NOW, same_log=same, has_erasure_log=log, nobody_was_erased=nobody)

    recent, old = NOW - timedelta(days=34), NOW - timedelta(days=36)
    assert unknown(recent, same=True) is None
    assert "Kafka keeps" in (unknown(old, same=True) or "")
    assert "not the one" in (unknown(recent, same=False) or "")
    assert unknown(old, same=False, log=True) is None
    assert unknown(old, same=False, nobody=True) is None


def test_whoever_is_known_from_two_sources_is_erased_once_and_above_every_record() -> None:
    log = [Erasure(BERTA, 3, NOW)]
    kafka = [Erasure(BERTA, 5, NOW + timedelta(hours=1)), Erasure(UUID(int=1), 2, NOW)]
    assert merged(log, kafka) == [Erasure(UUID(int=1), 2, NOW), Erasure(BERTA, 5, NOW)]


def test_an_erasure_log_grows_and_survives_a_torn_line(tmp_path: Path) -> None:
    file = tmp_path / "erasures.jsonl"
    first, second = Erasure(uuid4(), 2, NOW), Erasure(uuid4(), 7, NOW + timedelta(days=1))
    assert append_to_log(file, [first]) == 1
    assert file.stat().st_mode & 0o777 == 0o600
    with file.open("a") as torn:
        torn.write('{"person_id": "')
    assert read_log(file) == [first]
    assert append_to_log(file, [second, first]) == 1
    assert read_log(file) == [first, second]
    assert append_to_log(file, [second, first]) == 0
    file.write_text("{}\n")
    with pytest.raises(NoErasureLog, match="line 1"):
        read_log(file)


def test_a_folder_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    with pytest.raises(OSError, match="full"), whole_folder(folder) as aside:
        (aside / "half").write_text("half")
        raise OSError("full")
    assert list(tmp_path.iterdir()) == []
    with whole_folder(folder) as aside:
        assert "incomplete" in aside.name
        (aside / "whole").write_text("whole")
        assert not folder.exists()
    assert (folder / "whole").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    with pytest.raises(FolderExists), whole_folder(folder):
        raise AssertionError("never reached")


def test_the_environment_names_every_database_or_none() -> None:
    assert places_of_environment({"HOME": "/"}) is None
    with pytest.raises(SettingsMissing, match=r"EMON_GATEWAY_DATABASE_OWNER_URL.*EMON_KAFKA_BOOTSTRAP"):
        places_of_environment({"EMON_CONTACTS_DATABASE_WORKER_URL": "postgresql://w@db/contacts"})


def test_one_setting_and_a_folder_of_passwords_name_every_database(tmp_path: Path) -> None:
    keep_secret_files(tmp_path)
    environment = {"EMON_POSTGRESQL": "db:5432", "EMON_SECRETS_FOLDER": str(tmp_path), "EMON_KAFKA_BOOTSTRAP": "kafka:9092"}
    places = places_of_environment(environment)
    assert places is not None
    password = (tmp_path / "postgresql_meetings_worker_password").read_text()
    assert places.databases["meetings"].worker_url == f"postgresql://meetings_worker:{password}@db:5432/meetings"
    own = "postgresql://w@elsewhere/meetings"
    places = places_of_environment(environment | {"EMON_MEETINGS_DATABASE_WORKER_URL": own})
    assert places is not None
    assert places.databases["meetings"].worker_url == own
    assert installation_of(environment).database_urls()["contacts"]["api"].startswith("postgresql://contacts_api:")


def laws(seen: Seen) -> set[tuple[str, str]]:
    return {(item.law, item.service) for item in differences(seen)}


def test_databases_that_fit_each_other_differ_in_nothing() -> None:
    meeting, anna = uuid4(), uuid4()
    seen = Seen(
        positions={"gateway": {HERE: 5}},
        beginnings={HERE: 0},
        ends={HERE: 5},
        directory={"people": {str(anna): 2}},
        copies={"meetings": {"people": {str(anna): Copy(2, ended=False), str(BERTA): Copy(9, ended=True)}}},
        meetings={meeting: 3},
        copies_of_meetings={"gateway": {meeting: 3}},
        invited=frozenset({(meeting, anna)}),
        owed=frozenset({(meeting, anna)}),
    )
    assert differences(seen) == set()


def test_what_differs_is_told_apart_and_every_law_says_how_to_mend_it() -> None:
    meeting, gone, anna = uuid4(), uuid4(), uuid4()
    seen = Seen(
        waiting={"contacts": frozenset({1})},
        dead_letters={"feedback": frozenset({4})},
        positions={"gateway": {HERE: 3, THERE: 9}},
        beginnings={HERE: 0, THERE: 0},
        ends={HERE: 5, THERE: 2},
        directory={"people": {"a": 2, "b": 2, "c": 2}},
        copies={"meetings": {"people": {"b": Copy(1, ended=False), "c": Copy(3, ended=False), "d": Copy(1, ended=False)}}},
        meetings={meeting: 3},
        copies_of_meetings={"gateway": {meeting: 4}},
        invited=frozenset({(meeting, anna)}),
        owed=frozenset({(gone, anna)}),
    )
    assert laws(seen) == {
        ("event-not-sent", "contacts"),
        ("dead-letter", "feedback"),
        ("event-not-consumed", "gateway"),
        ("outside-the-log", "gateway"),
        ("copy-missing", "meetings"),
        ("copy-behind", "meetings"),
        ("copy-ahead", "meetings"),
        ("not-ended", "meetings"),
        ("meeting-copy", "gateway"),
        ("never-told", "notifications"),
        ("about-nothing", "notifications"),
    }
    assert {law for law, _ in laws(seen)} == MENDING.keys()
    assert Difference("not-ended", "meetings", "people d") in differences(seen)
