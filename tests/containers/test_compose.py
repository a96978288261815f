"""docker-compose.yml says what the code says: every service, no secret of another, nothing open that need not be."""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from emon_dashboard.settings import DashboardSettings
from emon_embedded.services import DASHBOARD, SERVICES, Service
from emon_operator.doctor.installation import known_variables
from emon_operator.provisioning import ProvisioningSettings
from emon_operator.secret_files import keep_secret_files
from emon_operator.variables import operator_variables

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
WRITTEN: dict[str, dict[str, Any]] = COMPOSE["services"]
# One that extends another has what that one has, where it says nothing else.
PARTS = {name: WRITTEN.get(part.get("extends", {}).get("service"), {}) | part for name, part in WRITTEN.items()}
WITH_DATABASE = [service for service in SERVICES if service.has_database]
KEYS = {f"{purpose}_{half}_key" for purpose in ("actor_token", "signed_link") for half in ("private", "public")}
# They are for whoever sets the platform up, or tries it out.
OF_OPERATORS = {"postgresql", "kafka", "mail", "provision", "operator"}


def keys_of(service: Service) -> set[str]:
    signs = {f"{purpose.replace('-', '_')}_private_key" for purpose in service.signs}
    return signs | {f"{purpose.replace('-', '_')}_public_key" for purpose in service.verifies}


def test_every_service_has_its_processes_and_there_is_nothing_else() -> None:
    processes = {f"{service.name}-{role}" for service in WITH_DATABASE for role in ("migrate", "api", "worker")}
    assert set(PARTS) == processes | {DASHBOARD} | OF_OPERATORS
    for name in processes:
        service, _, role = name.rpartition("-")
        assert PARTS[name]["command"] == [role]
        assert f"/{service}:" in PARTS[name]["image"]


@pytest.mark.parametrize("service", WITH_DATABASE, ids=lambda service: service.name)
def test_a_process_gets_the_secrets_that_it_needs_and_no_other(service: Service) -> None:
    secrets = {role: set(PARTS[f"{service.name}-{role}"]["secrets"]) for role in ("migrate", "api", "worker")}
    assert secrets["migrate"] == {f"postgresql_{service.name}_owner_password"}
    assert secrets["api"] - KEYS == {f"postgresql_{service.name}_api_password"}
    mail = {"smtp_url"} if service.sends_mail else set[str]()
    passwords = {f"postgresql_{service.name}_worker_password", f"kafka_{service.name}_password"}
    assert secrets["worker"] - KEYS == passwords | mail
    assert (secrets["api"] | secrets["worker"]) & KEYS == keys_of(service)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_setting_is_one_that_the_service_knows(service: Service) -> None:
    known = set(
        DashboardSettings.model_fields
        if service.name == DASHBOARD
        else import_module(f"{service.module}.app").SERVICE.settings.model_fields
    )
    # For everybody alike; whoever does not need one passes over it.
    known |= {"dashboard_url", "kafka_bootstrap"}
    for name in PARTS:
        if name.split("-")[0] == service.name:
            for setting in PARTS[name]["environment"]:
                field = setting.removeprefix("EMON_").lower()
                assert field in known or field.removesuffix("_file") in known, f"{name}: {setting}"


def test_provision_knows_its_settings() -> None:
    fields = set(ProvisioningSettings.model_fields)
    settings = {name.removeprefix("EMON_").lower() for name in PARTS["provision"]["environment"]}
    assert all(name in fields or name.removesuffix("_file") in fields for name in settings)


def test_the_operator_has_what_provision_has_and_knows_its_other_settings() -> None:
    operator = WRITTEN["operator"]
    assert operator["extends"] == {"service": "provision"}
    known = known_variables() | operator_variables()
    assert set(operator["environment"]) <= known
    asked = {f"http://{name}:9000" for name in PARTS if name.endswith(("-api", "-worker"))} | {f"http://{DASHBOARD}:9000"}
    assert set(operator["environment"]["EMON_HEALTH_URLS"].split()) == asked


def test_an_image_asks_for_its_health_where_every_process_answers() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    [port] = re.findall(r"EMON_OPERATIONS_PORT=(\d+)", dockerfile)
    assert f'CMD ["/app/healthy", "{port}", "/health/ready"]' in dockerfile


@pytest.mark.parametrize("name", PARTS)
def test_no_container_may_do_more_than_it_needs(name: str) -> None:
    part = PARTS[name]
    assert part["read_only"] is True
    assert part["cap_drop"] == ["ALL"]
    assert part["security_opt"] == ["no-new-privileges:true"]
    assert set(part["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert "privileged" not in part
    assert part["restart"] == (
        "no" if name == "operator" else "on-failure:3" if name.endswith("migrate") or name == "provision" else "unless-stopped"
    )


def test_only_what_people_open_is_published_and_only_on_this_machine() -> None:
    published = {name: part["ports"] for name, part in PARTS.items() if "ports" in part}
    assert set(published) == {"gateway-api", DASHBOARD, "mail"}
    assert published.pop("mail") == ["127.0.0.1:${EMON_MAIL_PORT:-8025}:8025"]
    assert all(port.startswith("${EMON_BIND:-127.0.0.1}:") for ports in published.values() for port in ports)
    assert COMPOSE["networks"]["data"] == COMPOSE["networks"]["inner"] == {"internal": True}
    assert PARTS[DASHBOARD]["networks"] == ["edge"]
    assert {name for name, part in PARTS.items() if "edge" in part["networks"]} == {"gateway-api", DASHBOARD, "operator"}


def test_the_secrets_are_those_that_the_command_makes(tmp_path: Path) -> None:
    keep_secret_files(tmp_path / "secrets")
    named = {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()}
    assert named == {file.name for file in (tmp_path / "secrets").iterdir()}
    assert {secret for part in PARTS.values() for secret in part.get("secrets", [])} == set(COMPOSE["secrets"])


def test_secrets_are_made_once_and_closed_to_other_accounts(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    keep_secret_files(folder)
    made = {file.name: file.read_text() for file in folder.iterdir()}
    assert len(set(made.values())) == len(made)
    (folder / "kafka_contacts_password").unlink()
    keep_secret_files(folder)
    again = {file.name: file.read_text() for file in folder.iterdir()}
    assert {name for name in made if made[name] != again[name]} == {"kafka_contacts_password"}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_no_image_is_whatever_is_newest_today() -> None:
    dockerfiles = [ROOT / "Dockerfile", *(ROOT / "deploy" / "containers").rglob("*Dockerfile")]
    assert len(dockerfiles) == 4
    for file in (*dockerfiles, ROOT / "docker-compose.yml", ROOT / "deploy" / "containers" / "build"):
        assert "latest" not in file.read_text(encoding="utf-8")
    for part in PARTS.values():
        assert re.search(r":[^/]+$", part["image"])


def test_our_images_run_as_nobody_in_particular() -> None:
    for file in (ROOT / "Dockerfile", *(ROOT / "deploy" / "containers").rglob("*Dockerfile")):
        users = re.findall(r"^USER (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
        assert users[-1] == "10001:10001", file
