"""Board, rules and documentation speak of metrics that exist, of every one, and lead to paragraphs that are there."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram

from emon_platform import metrics

PROJECT = Path(__file__).parents[2]
MONITORING = PROJECT / "deploy" / "monitoring"
OPERATIONS = (PROJECT / "docs" / "operations.md").read_text()
UNITS = ("_seconds", "_records", "_events", "_info", "_up", "_active", "_troubles", "_letters", "_deliveries", "_stopped")
COUNTED = (
    *("emon_mails", "emon_relay_records", "emon_consumer_records_handled", "emon_consumer_records_poison"),
    "emon_consumer_records_unknown",
)


def declared() -> Mapping[str, frozenset[str]]:
    """Each metric's name, and the names of the series that Prometheus makes of it."""
    found: dict[str, frozenset[str]] = {}
    for metric in vars(metrics).values():
        match metric:
            case metrics.Reading():
                found[metric.name] = frozenset({metric.name})
            case Counter():
                [family] = metric.describe()
                found[family.name] = frozenset({f"{family.name}_total"})
            case Histogram():
                [family] = metric.describe()
                found[family.name] = frozenset({f"{family.name}_{part}" for part in ("bucket", "count", "sum")})
            case Gauge():
                [family] = metric.describe()
                found[family.name] = frozenset({family.name})
            case _:
                pass
    return found


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load((MONITORING / "rules.yml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def board() -> dict[str, Any]:
    return json.loads((MONITORING / "grafana-dashboard.json").read_text())


def asked() -> Iterator[tuple[str, str]]:
    """Every expression, by where it stands."""
    yield from ((rule["alert"], rule["expr"]) for rule in rules())
    yield from ((panel["title"], target["expr"]) for panel in board()["panels"] for target in panel.get("targets", ()))


def anchors(text: str) -> set[str]:
    """The anchors of a document's headings, as they are made of them everywhere."""
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_what_is_asked_for_is_declared() -> None:
    series = frozenset[str]().union(*declared().values())
    for place, expression in asked():
        wanted = set(re.findall(r"\bemon_\w+", expression))
        assert wanted or "up{" in expression, f"{place} asks for nothing of ours"
        assert wanted <= series, f"{place} asks for what is not declared"


def test_whatever_is_declared_is_shown_or_explained() -> None:
    text = " ".join(expression for _, expression in asked()) + OPERATIONS
    unused = [name for name, series in declared().items() if not any(re.search(rf"\b{one}\b", text) for one in series)]
    assert unused == []


def test_every_metric_has_its_unit_in_its_name() -> None:
    assert len(declared()) >= 20
    for name in declared():
        assert name.startswith("emon_")
        assert name.endswith(UNITS) or name in COUNTED, name


def test_every_alert_says_what_is_wrong_what_to_do_and_where_more_stands() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names) >= 15
    for rule in rules():
        name, notes = rule["alert"], rule["annotations"]
        assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}, name
        assert rule["labels"]["severity"] in ("critical", "warning"), name
        assert set(notes) == {"summary", "description", "runbook_url"}, name
        assert notes["description"].endswith("."), f"{name} says what to do in a sentence"
        file, _, anchor = notes["runbook_url"].partition("#")
        assert file == "docs/operations.md"
        assert anchor in anchors(OPERATIONS), f"{name} leads nowhere"
        assert f"`{name}`" in OPERATIONS, f"{name} is not explained"


def test_what_operations_says_of_alerts_exists() -> None:
    assert set(re.findall(r"`(Emon\w+)`", OPERATIONS)) == {rule["alert"] for rule in rules()}


def test_the_board_has_every_panel_in_a_place_of_its_own() -> None:
    panels = board()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel.get("targets", ()))


def test_the_rules_do_what_they_say() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool on this machine (github.com/prometheus/prometheus/cmd/promtool); the tests above need none")
    for command in (["check", "rules", "--lint=all", "--lint-fatal", "rules.yml"], ["test", "rules", "rules-test.yml"]):
        done = subprocess.run([promtool, *command], cwd=MONITORING, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
