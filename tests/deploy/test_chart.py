"""The Helm chart is whole, and its schema refuses what does not exist. Helm itself is not needed for any of it."""

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import yaml

from tests.deploy.chart import CHART, FULL, ROOT

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())


def complaints(values: Any) -> list[str]:
    return [error.message for error in jsonschema_rs.validator_for(SCHEMA).iter_errors(values)]


def test_the_defaults_and_the_full_example_are_what_the_schema_allows() -> None:
    assert complaints(VALUES) == []
    assert complaints(yaml.safe_load(FULL.read_text())) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"replicas": 3},
        {"api": {"replica": 3}},
        {"worker": {"replicas": 0}},
        {"services": {"calendar": {}}},
        {"services": {"dashboard": {"worker": {}}}},
        {"services": {"gateway": {"settings": {"EMON_RATE_PER_SESION": "5/second"}}}},
        {"services": {"contacts": {"settings": {"EMON_DATABASE_API_PASSWORD": "secret"}}}},
        {"services": {"notifications": {"settings": {"EMON_MAIL_CONNECTIONS": 8}}}},
        {"services": {"notifications": {"settings": {"EMON_SMTP_URL": "smtp://user:secret@mail"}}}},
        {"secrets": {"smtpUrl": "smtp://user:secret@mail"}},
        {"publicUrl": "https://emon.example/api"},
        {"kafka": {"bootstrap": "kafka"}},
        {"api": {"resources": {"limits": {"memory": "much"}}}},
        {"networkPolicies": {"postgresql": {"to": [{"cidr": "10.0.0.0/8"}]}}},
    ],
    ids=json.dumps,
)
def test_a_value_that_does_not_exist_or_cannot_be_is_refused(wrong: Any) -> None:
    assert complaints(wrong) != []


def objects(schema: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(schema, dict):
        if schema.get("type") == "object":  # pyright: ignore[reportUnknownMemberType]
            yield path, schema
        for key, inner in schema.items():  # pyright: ignore[reportUnknownVariableType]
            yield from objects(inner, f"{path}/{key}")


def test_every_object_of_the_schema_says_what_may_stand_in_it() -> None:
    found = dict(objects(SCHEMA))
    assert len(found) > 50
    assert [path for path, each in found.items() if each.get("additionalProperties") not in (False, {"type": "string"})] == []


def test_the_chart_has_the_version_of_the_platform() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert chart["apiVersion"] == "v2"
    assert chart["name"] == "emon"
    assert re.fullmatch(r"\d+\.\d+\.\d+", chart["version"])
    assert chart["appVersion"] == project["version"]


def test_every_image_is_in_the_chart() -> None:
    [line] = re.findall(r"^IMAGES := (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    services = set(line.split()) - {"operator"}
    known = set(re.findall(r"^(\w+): \{roles:", (CHART / "templates" / "_services.tpl").read_text(), re.MULTILINE))
    assert VALUES["services"].keys() == services
    assert known == services
    assert SCHEMA["properties"]["images"]["properties"]["digests"]["properties"].keys() == services | {"operator"}


def test_alerts_and_board_are_the_platforms_own() -> None:
    assert (CHART / "monitoring").resolve() == ROOT / "deploy" / "monitoring"
    assert {"rules.yml", "grafana-dashboard.json"} <= {file.name for file in (CHART / "monitoring").iterdir()}
