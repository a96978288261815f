"""Settings come from the environment, secrets from files that it names; what is missing or wrong is named."""

from pathlib import Path

import pytest

from emon_gateway.settings import GatewaySettings
from emon_meetings.settings import MeetingsSettings
from emon_platform.settings import (
    MigrationSettings,
    ServiceSettings,
    WrongSettings,
    settings_from,
    settings_from_environment,
)

URLS = {
    f"EMON_DATABASE_{role.upper()}_URL": f"postgresql://contacts_{role}@postgresql:5432/contacts"
    for role in ("owner", "api", "worker")
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in URLS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("EMON_KAFKA_BOOTSTRAP", "kafka:9092")


def test_a_password_from_a_file_belongs_to_the_url_of_its_role_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "api").write_text("a/b@c:d\n")
    monkeypatch.setenv("EMON_DATABASE_API_PASSWORD_FILE", str(tmp_path / "api"))
    settings = settings_from_environment(MigrationSettings)
    assert settings.database_api_url == "postgresql://contacts_api:a%2Fb%40c%3Ad@postgresql:5432/contacts"
    assert settings.database_owner_url == URLS["EMON_DATABASE_OWNER_URL"]
    assert "a/b@c" not in repr(settings.database_api_password)


def test_whoever_comes_to_kafka_by_name_proves_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_from_environment(ServiceSettings).kafka.client_options()["security_protocol"] == "PLAINTEXT"
    (tmp_path / "kafka").write_text("secret\n")
    monkeypatch.setenv("EMON_KAFKA_USERNAME", "contacts")
    monkeypatch.setenv("EMON_KAFKA_PASSWORD_FILE", str(tmp_path / "kafka"))
    monkeypatch.setenv("EMON_KAFKA_TLS", "true")
    access = settings_from_environment(ServiceSettings).kafka
    options = access.client_options()
    assert options.pop("ssl_context").check_hostname
    assert options == {
        "bootstrap_servers": "kafka:9092",
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_plain_username": "contacts",
        "sasl_plain_password": "secret",
    }
    assert "secret" not in repr(access)


def test_what_the_environment_says_itself_counts_more_than_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "level").write_text("DEBUG")
    monkeypatch.setenv("EMON_LOG_LEVEL_FILE", str(tmp_path / "level"))
    assert settings_from_environment(ServiceSettings).log_level == "DEBUG"
    monkeypatch.setenv("EMON_LOG_LEVEL", "ERROR")
    assert settings_from_environment(ServiceSettings).log_level == "ERROR"


def test_a_file_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMON_DATABASE_API_PASSWORD_FILE", str(tmp_path / "nothing"))
    with pytest.raises(SystemExit, match="nothing"):
        settings_from_environment(MigrationSettings)


def test_every_setting_that_is_missing_is_named_with_what_it_is_for() -> None:
    with pytest.raises(WrongSettings) as found:
        settings_from(MeetingsSettings, {"EMON_DATABASE_API_URL": "postgresql://api@db/meetings"})
    assert found.value.wrong.keys() == {"EMON_DATABASE_OWNER_URL", "EMON_DATABASE_WORKER_URL", "EMON_KAFKA_BOOTSTRAP"}
    assert all("Field required. " in what for what in found.value.wrong.values())


def test_a_list_that_is_no_json_is_named_instead_of_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMON_TRUSTED_PROXIES", "10.0.0.0/8")
    with pytest.raises(SystemExit, match=r"EMON_TRUSTED_PROXIES: Must be JSON\. Networks \(JSON list\)"):
        settings_from_environment(GatewaySettings)


def test_settings_come_from_the_environment_that_is_given_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMON_PUBLIC_URL", "https://elsewhere.example")
    found = settings_from(MeetingsSettings, {**URLS, "EMON_KAFKA_BOOTSTRAP": "kafka:9092", "EMON_NEW": "1"})
    assert isinstance(found, MeetingsSettings)
    assert (found.public_url, found.kafka_bootstrap) == ("http://127.0.0.1:8080", "kafka:9092")
