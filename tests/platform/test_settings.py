"""Settings come from the environment, secrets from files that it names."""

from pathlib import Path

import pytest

from emon_platform.settings import MigrationSettings, ServiceSettings, settings_from_environment

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
