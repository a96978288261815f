"""What the chart gives to a process, in its environment and in files, is all that it needs, and nothing that it does not know."""

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pydantic_settings import BaseSettings

from emon_operator.provisioning import ProvisioningSettings
from emon_operator.secret_files import keep_secret_files
from emon_platform.database import Database
from emon_platform.service import Service, build
from emon_platform.settings import PREFIX, MigrationSettings, ServiceSettings, settings_from_environment

from documents.chart import settings_of
from tests.deploy.chart import FULL, HELM, Pod, Rendered, render

pytestmark = pytest.mark.skipif(HELM is None, reason="helm is not on the path")

MOUNTED = "/run/secrets/emon"
OF_LIBRARIES = {"PGSSLMODE", "PGSSLROOTCERT", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"}


@pytest.fixture(scope="module", params=["defaults", "full"])
def rendered(request: pytest.FixtureRequest) -> Rendered:
    return render() if request.param == "defaults" else render("--values", str(FULL))


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `emon secrets` makes."""
    folder = tmp_path_factory.mktemp("secrets")
    keep_secret_files(folder)
    return folder


def settings_class(pod: Pod) -> type[BaseSettings]:
    if pod.service == "operator":
        return ProvisioningSettings
    return MigrationSettings if pod.role == "job" else settings_of(pod.service)


def environment_of(pod: Pod, secrets: Path, folder: Path) -> Mapping[str, str]:
    """Its variables, with the files that it gets in `folder`, and no others."""
    for _, key in pod.secret_keys():
        (folder / key).write_bytes((secrets / key).read_bytes())
    return {name: value.replace(MOUNTED, str(folder)) for name, value in pod.environment.items()}


@pytest.fixture
def set_environment(monkeypatch: pytest.MonkeyPatch) -> Any:
    def change(environment: Mapping[str, str]) -> None:
        for name in [name for name in os.environ if name.startswith(PREFIX)]:
            monkeypatch.delenv(name)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

    return change


def test_every_variable_is_a_setting_of_its_process(rendered: Rendered) -> None:
    for pod in rendered.pods():
        fields = {f"{PREFIX}{name.upper()}" for name in settings_class(pod).model_fields}
        unknown = pod.environment.keys() - OF_LIBRARIES - fields - {f"{name}_FILE" for name in fields}
        assert unknown == set(), (pod.service, pod.role)


def test_the_chart_asks_for_the_secrets_that_the_command_makes(rendered: Rendered, secrets: Path) -> None:
    asked = {key for pod in rendered.pods() for _, key in pod.secret_keys()}
    assert asked == {file.name for file in secrets.iterdir()}


def test_every_process_finds_all_that_it_needs(rendered: Rendered, secrets: Path, tmp_path: Path, set_environment: Any) -> None:
    for pod in rendered.pods():
        if pod.controller["metadata"]["name"] == "emon-operator":
            continue  # what its commands need is each command's own
        folder = tmp_path / pod.controller["metadata"]["name"]
        folder.mkdir()
        set_environment(environment_of(pod, secrets, folder))
        settings = settings_from_environment(settings_class(pod))
        if isinstance(settings, ServiceSettings):
            service: Service[Any] = import_module(f"emon_{pod.service}.app").SERVICE
            # Reads the keys that the role works with; asks the database nothing.
            build(service, settings, with_api=pod.role == "api", with_worker=pod.role == "worker")
            if pod.role == "worker":
                assert settings.kafka.username == pod.service
                service.worker(settings, Database(None, 0.0))
