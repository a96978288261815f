"""The chart's schema and README know every value and every setting, and the check sees where they do not."""

import json
import shutil
from pathlib import Path

import pytest

from documents.chart import CHART, chart_files, settings_of, variables_of_templates
from documents.schemas import Undocumented

ROOT = Path(__file__).parents[2]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / CHART, tmp_path / CHART)
    return tmp_path


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_a_value_without_a_default_is_named(copy: Path) -> None:
    replace(copy / CHART / "values.yaml", "  pullPolicy: IfNotPresent\n", "")
    with pytest.raises(Undocumented, match="pullPolicy"):
        chart_files(copy)


def test_a_value_that_the_schema_does_not_know_is_named(copy: Path) -> None:
    replace(copy / CHART / "values.yaml", "  pullPolicy:", "  policy: Always\n  pullPolicy:")
    with pytest.raises(Undocumented, match="policy"):
        chart_files(copy)


def test_a_default_that_changed_changes_the_readme(copy: Path) -> None:
    assert chart_files(copy) == chart_files(ROOT)
    replace(copy / CHART / "values.yaml", "lagThreshold: 1000", "lagThreshold: 77")
    assert "| `worker.autoscaling.lagThreshold` | `77` |" in chart_files(copy)[CHART / "README.md"]


def test_what_a_template_sets_is_nothing_that_somebody_may_set_as_well(copy: Path) -> None:
    definitions = json.loads(chart_files(copy)[CHART / "values.schema.json"])["definitions"]
    assert "EMON_MEDIATOR_EMAIL" in definitions["settings-of-feedback"]["properties"]
    replace(copy / CHART / "templates" / "_environment.tpl", "EMON_LOG_LEVEL:", "EMON_MEDIATOR_EMAIL: somebody\nEMON_LOG_LEVEL:")
    definitions = json.loads(chart_files(copy)[CHART / "values.schema.json"])["definitions"]
    assert "EMON_MEDIATOR_EMAIL" not in definitions["settings-of-feedback"]["properties"]


def test_every_setting_of_a_service_is_set_by_the_chart_or_may_be_set() -> None:
    definitions = json.loads((ROOT / CHART / "values.schema.json").read_text())["definitions"]
    for service in ("contacts", "meetings", "feedback", "notifications", "gateway", "dashboard"):
        settings = {f"EMON_{name.upper()}" for name in settings_of(service).model_fields}
        by_chart = {name.removesuffix("_FILE") for name in variables_of_templates(ROOT / CHART)}
        free = definitions[f"settings-of-{service}"]["properties"].keys()
        assert {name.removesuffix("_FILE") for name in settings} <= by_chart | free
        assert not by_chart & free
