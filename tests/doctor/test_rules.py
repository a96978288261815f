"""What readings mean to the doctor."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest

from emon_contracts.topics import DIRECTORY_PEOPLE
from emon_operator.doctor.findings import Finding, Level, ok, problem, warning, worst
from emon_operator.doctor.installation import SETTINGS, installation_of, is_external, known_variables
from emon_operator.doctor.rules import broker, certificates, clock, databases, disk, lag, sender_domain, settings, smtp
from emon_platform.broker import min_insync_replicas, settings_of
from emon_platform.kafka_access import KafkaAccess

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)


def levels(findings: list[Finding]) -> list[Level]:
    return [finding.level for finding in findings]


def test_the_worst_finding_is_the_exit_code() -> None:
    assert worst([]) == 0
    assert worst([ok("a", "b", "c"), warning("a", "b", "c", "d")]) == 1
    assert worst([problem("a", "b", "c", "d"), ok("a", "b", "c")]) == 2


@pytest.mark.parametrize(
    ("ahead_s", "precision_s", "level"),
    [(0.0, 0.1, 0), (1.9, 0.0, 0), (3.0, 0.1, 1), (-3.0, 0.1, 1), (3.0, 1.5, 0), (11.0, 0.5, 2), (-3600.0, 0.5, 2)],
)
def test_clocks_may_differ_by_what_does_no_harm(ahead_s: float, precision_s: float, level: int) -> None:
    assert clock.judge_offset("there", ahead_s, precision_s).level == level


@pytest.mark.parametrize(
    ("all_gib", "free_gib", "level"),
    [(100, 50, 0), (100, 14, 1), (100, 4, 2), (10, 6, 0), (10, 4, 1), (4, 0.5, 2), (4000, 150, 0), (4000, 90, 2)],
)
def test_a_disk_warns_by_share_and_by_size(all_gib: float, free_gib: float, level: int) -> None:
    room = disk.Room(int(all_gib * disk.GIB), int(free_gib * disk.GIB))
    assert disk.judge_room("/data", room).level == level


def test_a_disk_without_inodes_is_full() -> None:
    assert disk.judge_room("/data", disk.Room(100 * disk.GIB, 90 * disk.GIB, 1000, 10)).level == Level.PROBLEM


@pytest.mark.parametrize(
    ("days", "refused", "level"), [(90, None, 0), (20, None, 1), (4, None, 2), (-1, None, 2), (90, "self-signed certificate", 2)]
)
def test_a_certificate_is_to_be_renewed_in_time(days: int, refused: str | None, level: int) -> None:
    shown = certificates.Certificate(NOW + timedelta(days=days), refused)
    assert certificates.judge_certificate("there", shown, NOW).level == level


def topic(**changes: object) -> broker.TopicFound:
    as_wanted: dict[str, object] = {
        "partitions": 4,
        "replicas": 1,
        "in_sync": 1,
        "without_leader": (),
        "settings": settings_of(DIRECTORY_PEOPLE, 1),
    }
    return broker.TopicFound(**(as_wanted | changes))  # pyright: ignore[reportArgumentType]


def judged(found: broker.TopicFound | None, brokers: int = 1) -> list[Finding]:
    return broker.judge_topic("emon.directory.people", broker.TopicWanted(4, settings_of(DIRECTORY_PEOPLE, 1)), found, brokers)


def test_a_topic_that_the_platform_made_is_as_it_wants_it() -> None:
    assert levels(judged(topic())) == [Level.OK]


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({"partitions": 1}, 2),
        ({"settings": settings_of(DIRECTORY_PEOPLE, 1) | {"cleanup.policy": "delete"}}, 2),
        ({"settings": settings_of(DIRECTORY_PEOPLE, 1) | {"max.compaction.lag.ms": "9223372036854775807"}}, 2),
        ({"settings": settings_of(DIRECTORY_PEOPLE, 1) | {"delete.retention.ms": "1000"}}, 1),
        ({"without_leader": (2,)}, 2),
        ({"replicas": 3, "in_sync": 2}, 1),
        ({"replicas": 3, "in_sync": 1, "settings": settings_of(DIRECTORY_PEOPLE, 1) | {"min.insync.replicas": "2"}}, 2),
    ],
)
def test_what_differs_at_a_topic_is_found(changes: dict[str, object], level: int) -> None:
    assert worst(judged(topic(**changes))) == level
    assert all(finding.mend for finding in judged(topic(**changes)))


def test_a_topic_that_is_missing_and_one_with_a_single_replica_among_many_brokers() -> None:
    assert levels(judged(None)) == [Level.PROBLEM]
    assert levels(judged(topic(), brokers=3)) == [Level.WARNING]


def test_three_replicas_may_lose_one() -> None:
    assert [min_insync_replicas(count) for count in (1, 2, 3, 5)] == [1, 1, 2, 2]


def test_brokers_that_make_topics_by_themselves_or_forget_too_early() -> None:
    fine = {"auto.create.topics.enable": "false", "offsets.retention.minutes": "10080"}
    assert levels(broker.judge_brokers("there", 1, fine)) == [Level.OK]
    assert levels(broker.judge_brokers("there", 1, fine | {"auto.create.topics.enable": "true"})) == [Level.WARNING]
    assert levels(broker.judge_brokers("there", 1, fine | {"offsets.retention.minutes": "60"})) == [Level.WARNING]


SCRIPTS = (
    """
    GRANT USAGE ON SCHEMA public TO :api_role, :worker_role;
    GRANT SELECT, INSERT, UPDATE ON people, meetings TO :api_role;
    GRANT SELECT, INSERT, UPDATE (reply, version) ON invitations TO :api_role, :worker_role;
    GRANT EXECUTE ON FUNCTION known_people TO :api_role;
    ALTER TABLE people ENABLE ROW LEVEL SECURITY;
    ALTER TABLE people FORCE ROW LEVEL SECURITY;
    CREATE POLICY in_reach ON people FOR SELECT TO :api_role USING (true);
    CREATE POLICY old ON people TO :worker_role USING (true);
    """,
    """
    REVOKE UPDATE ON meetings FROM :api_role;
    DROP POLICY old ON people;
    ALTER TABLE people NO FORCE ROW LEVEL SECURITY;
    """,
)


def test_migrations_say_what_is_to_be_found() -> None:
    promised = databases.promised_by(SCRIPTS)
    assert promised.secured == {"people"}
    assert promised.forced == frozenset()
    assert promised.policies == {("people", "in_reach")}
    assert promised.rights == {
        *(("api", "people", right) for right in ("SELECT", "INSERT", "UPDATE")),
        *(("api", "meetings", right) for right in ("SELECT", "INSERT")),
        *((kind, "invitations", right) for kind in ("api", "worker") for right in ("SELECT", "INSERT")),
        ("worker", "schema_migrations", "SELECT"),  # given by `migrate` itself
    }
    assert databases.promised_by([*SCRIPTS, "DROP TABLE people;"]).policies == frozenset()


@pytest.mark.parametrize(
    ("applied", "level"),
    [({"a": "1", "b": "2"}, 0), ({"a": "1"}, 2), ({"a": "1", "b": "3"}, 2), ({"a": "1", "b": "2", "c": "3"}, 2)],
)
def test_migrations_are_all_there_unchanged_and_known(applied: dict[str, str], level: int) -> None:
    assert worst(databases.judge_migrations("there", {"a": "1", "b": "2"}, applied)) == level


@pytest.mark.parametrize(
    ("version", "connections", "age", "level"),
    [
        (18, 10, 10, 0),
        (17, 10, 10, 1),
        (16, 10, 10, 2),
        (18, 85, 10, 1),
        (18, 98, 10, 2),
        (18, 1, 6 * 10**8, 1),
        (18, 1, 2 * 10**9, 2),
    ],
)
def test_a_server_has_room_to_go_on(version: int, connections: int, age: int, level: int) -> None:
    assert worst(databases.judge_server("there", databases.Server(version, connections, 100, age))) == level


def test_a_transaction_that_somebody_forgot() -> None:
    assert databases.judge_oldest_transaction("there", timedelta(minutes=1)) == []
    assert levels(databases.judge_oldest_transaction("there", timedelta(hours=3))) == [Level.WARNING]


def test_a_mail_server_on_this_machine_need_not_encrypt() -> None:
    open_line = smtp.Offered(starttls=False, encrypted=False, size_max=0, pipelining=True)
    assert smtp.judge_offer("there", open_line, is_local=True, may_be_open=True) == []
    assert levels(smtp.judge_offer("there", open_line, is_local=False, may_be_open=True)) == [Level.PROBLEM]
    encrypted = smtp.Offered(starttls=True, encrypted=True, size_max=1000, pipelining=False)
    assert levels(smtp.judge_offer("there", encrypted, is_local=False, may_be_open=True)) == [Level.WARNING] * 3


def test_a_wrong_password_and_a_closed_port_are_mended_differently() -> None:
    wrong = smtp.judge_connection("there", "535 no", permanent=True, signs_in=True)
    closed = smtp.judge_connection("there", "ConnectionRefusedError", permanent=False, signs_in=True)
    assert wrong.level == closed.level == Level.PROBLEM
    assert "password" in wrong.mend
    assert "firewall" in closed.mend


@pytest.mark.parametrize(
    ("texts", "level"),
    [
        (["v=spf1 mx -all"], 0),
        (["v=spf1 include:mail.example ~all", "google-site-verification=x"], 0),
        (["v=spf1 redirect=_spf.mail.example"], 0),
        (["v=spf1 mx ?all"], 1),
        (["v=spf1 +all"], 2),
        (["v=spf1 mx -all", "v=spf1 a -all"], 2),
        (["v=spf10 -all"], 2),
        ([], 2),
    ],
)
def test_spf_says_who_may_send(texts: list[str], level: int) -> None:
    assert sender_domain.judge_spf("stadt.de", texts).level == level


@pytest.mark.parametrize(
    ("selector", "texts", "level"),
    [
        ("s1", ["v=DKIM1; k=rsa; p=MIIB"], 0),
        ("s1", ["v=DKIM1; p="], 2),
        ("s1", ["v=DKIM1; t=y:s; p=M"], 1),
        ("s1", [], 2),
        (None, [], 1),
    ],
)
def test_dkim_publishes_a_key(selector: str | None, texts: list[str], level: int) -> None:
    assert sender_domain.judge_dkim("stadt.de", selector, texts).level == level


@pytest.mark.parametrize(
    ("found_at", "texts", "level"),
    [
        ("stadt.de", ["v=DMARC1; p=reject"], 0),
        ("stadt.de", ["v=DMARC1; p=none"], 1),
        ("stadt.de", ["v=DMARC1; p=rejct"], 2),
        ("stadt.de", ["v=DMARC1; p=reject", "v=DMARC1; p=none"], 2),
        ("de", ["v=DMARC1; p=reject; sp=none"], 1),
        (None, [], 1),
    ],
)
def test_dmarc_says_what_becomes_of_forged_mail(found_at: str | None, texts: list[str], level: int) -> None:
    assert sender_domain.judge_dmarc("stadt.de", found_at, texts).level == level


def test_a_domain_that_takes_no_mail_gets_no_bounces() -> None:
    assert sender_domain.judge_mail_servers("stadt.de", ["mail.stadt.de"], exists=True).level == Level.OK
    for hosts, exists in (([], True), ([""], True), ([], False)):
        assert sender_domain.judge_mail_servers("stadt.de", hosts, exists=exists).level == Level.PROBLEM


@pytest.mark.parametrize(("seconds", "level"), [(None, 0), (30, 0), (120, 1), (3600, 2)])
def test_events_leave_the_outbox(seconds: int | None, level: int) -> None:
    oldest = None if seconds is None else timedelta(seconds=seconds)
    assert worst(lag.judge_outbox("contacts", 3, oldest)) == level


@pytest.mark.parametrize(
    ("stored", "level"),
    [(100, 0), (95, 0), (85, 1), (50, 2), (101, 2), (9, 2)],
)
def test_a_consumer_keeps_up_within_its_log(stored: int, level: int) -> None:
    position = lag.Position("emon.x", 0, stored, beginning=10, end=100, since_noticed=90, since_harmful=80)
    assert worst(lag.judge_positions("meetings", [position])) == level


def test_what_waits_for_somebody_is_a_warning_and_what_does_not_leave_a_problem() -> None:
    fine = lag.Mails(uncertain=0, held=0, bounced_today=3, overdue=0, longest_overdue=timedelta(0))
    assert levels(lag.judge_mails(fine)) == [Level.OK]
    waiting = lag.Mails(uncertain=1, held=2, bounced_today=0, overdue=4, longest_overdue=timedelta(hours=5))
    assert levels(lag.judge_mails(waiting)) == [Level.PROBLEM, Level.WARNING, Level.WARNING]
    assert levels(lag.judge_dead_letters("meetings", 2)) == [Level.WARNING]
    assert levels(lag.judge_health("meetings", ["a partition stopped"], ["restored"])) == [Level.PROBLEM, Level.WARNING]


@pytest.mark.parametrize(
    ("url", "level"),
    [
        ("https://emon.stadt.de", 0),
        ("http://127.0.0.1:8080", 0),
        ("http://localhost:8080", 0),
        ("http://emon.stadt.de", 2),
        ("http://emon", 2),
        ("emon.stadt.de", 2),
    ],
)
def test_where_people_go_is_encrypted(url: str, level: int) -> None:
    assert worst(settings.judge_public_url("EMON_PUBLIC_URL", url)) == level


def test_a_slip_in_a_name_is_recognised() -> None:
    [found] = settings.judge_unknown({"EMON_MAIL_FORM"}, known_variables())
    assert found.level == Level.WARNING
    assert found.mend == "Did you mean EMON_MAIL_FROM?"


def test_databases_and_roles_are_not_shared() -> None:
    def urls(name: str, host: str = "db") -> dict[str, str]:
        return {kind: f"postgresql://{name}_{kind}:x@{host}/{name}" for kind in ("owner", "api", "worker")}

    assert settings.judge_databases({"contacts": urls("contacts"), "meetings": urls("meetings")}) == []
    assert levels(settings.judge_databases({"contacts": urls("contacts"), "meetings": urls("contacts")})) == [Level.PROBLEM]
    one_role = urls("contacts") | {"api": "postgresql://contacts_owner:x@db/contacts"}
    assert levels(settings.judge_databases({"contacts": one_role})) == [Level.PROBLEM]
    elsewhere = urls("contacts") | {"worker": "postgresql://contacts_worker:x@other/contacts"}
    assert levels(settings.judge_databases({"contacts": elsewhere})) == [Level.PROBLEM]


def test_what_is_signed_can_be_verified_and_is_nobody_elses_to_read() -> None:
    assert settings.judge_key_pair("actor token", "a", {"contacts": "a"}) == []
    assert levels(settings.judge_key_pair("actor token", "a", {"contacts": "a", "meetings": "b"})) == [Level.PROBLEM]
    assert settings.judge_secret_file(settings.SecretFile("key", 0o100640)) == []
    assert levels(settings.judge_secret_file(settings.SecretFile("key", 0o100644))) == [Level.PROBLEM]


def test_settings_that_contradict_each_other() -> None:
    assert levels(settings.judge_same("EMON_PUBLIC_URL", {"gateway": "https://a", "contacts": "https://b"})) == [Level.PROBLEM]
    assert levels(settings.judge_sessions(7200, 3600)) == [Level.WARNING]
    assert levels(settings.judge_proxies((ip_network("0.0.0.0/0"),), "https://a")) == [Level.PROBLEM]
    assert levels(settings.judge_proxies((), "https://a")) == [Level.WARNING]
    assert settings.judge_proxies((), "http://127.0.0.1") == []
    assert levels(settings.judge_hold("2027-01-01T00:00:00+00:00")) == [Level.WARNING]
    assert levels(settings.judge_mail_from("noreply@emon.example", leads_nowhere=True, smtp_host="mail.stadt.de")) == [
        Level.PROBLEM
    ]


def test_the_environment_names_the_parts_of_each_service() -> None:
    environment = {
        "EMON_KAFKA_BOOTSTRAP": "kafka:9092",
        "EMON_CONTACTS_DATABASE_API_URL": "postgresql://contacts_api@db/contacts",
        "EMON_CONTACTS_URL": "http://contacts:8000",
        "EMON_NOTIFICATIONS_SMTP_URL": "smtp://mail",
    }
    assert is_external(environment)
    assert not is_external({"EMON_HOME": ".emon", "EMON_SMTP_URL": "smtp://mail"})
    found = installation_of(environment)
    assert found.kafka() == {name: KafkaAccess("kafka:9092") for name in SETTINGS if name != "dashboard"}
    assert found.database_urls() == {"contacts": {"api": "postgresql://contacts_api@db/contacts"}}
    assert found.environments["notifications"]["EMON_SMTP_URL"] == "smtp://mail"
    assert "EMON_SMTP_URL" not in found.environments["gateway"]
    assert found.environments["gateway"]["EMON_CONTACTS_URL"] == "http://contacts:8000"
    assert "EMON_DATABASE_OWNER_URL" in found.wrong["contacts"]


def test_a_file_may_stand_in_place_of_every_setting() -> None:
    assert {"EMON_KAFKA_PASSWORD_FILE", "EMON_SMTP_URL_FILE", "EMON_NOTIFICATIONS_SMTP_URL_FILE"} <= known_variables()
