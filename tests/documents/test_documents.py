"""The documents that are committed say what the code says, and the check sees when they do not."""

import ast
import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar
from uuid import UUID, uuid4

import pytest

from emon_contracts.envelope import Event, Payload
from emon_contracts.registry import MESSAGES
from emon_contracts.topics import FEEDBACK_EVENTS, TOPICS, Topic
from emon_platform.consumer.subscriptions import Facts
from emon_platform.database import Transaction
from emon_platform.http.problem_types import PROBLEM_TYPES

from documents import __main__ as command
from documents.chart import CHART
from documents.composition import Composition, composition
from documents.events import events_markdown
from documents.examples import example_of
from documents.refusals import refusals_markdown
from documents.routes import operations, permission_of, routes_markdown
from documents.schemas import FOLDER, Undocumented, broken_promises

ROOT = Path(__file__).parents[2]
PROBLEM_CONSTRUCTORS = ("ProblemError", "problem_response")


class FeedbackReceived(Payload):
    """Somebody said something."""

    TYPE: ClassVar[str] = "de.emon.feedback.feedback-received.v1"
    TOPIC: ClassVar[Topic] = FEEDBACK_EVENTS
    KEY: ClassVar[str] = "feedback_id"

    feedback_id: UUID


async def on_feedback(_tx: Transaction, _events: Sequence[Event[FeedbackReceived]]) -> None:
    """The contact person is told."""


async def without_words(_tx: Transaction, _events: Sequence[Event[FeedbackReceived]]) -> None:
    return


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The committed documents, in a folder of the test's own."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    for folder in (FOLDER, CHART):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


def test_the_committed_documents_are_current() -> None:
    assert command.not_current() == []


def test_a_document_that_was_changed_by_hand_is_seen_and_made_anew(copy: Path) -> None:
    file = copy / "docs" / "events.md"
    original = file.read_text(encoding="utf-8")
    file.write_text(original.replace("meetings", "somebody"), encoding="utf-8")
    assert command.not_current(copy) == ["docs/events.md is not what the code says: run make documents."]
    assert command.write(copy) == []
    assert file.read_text(encoding="utf-8") == original


def test_a_new_optional_field_asks_to_be_recorded(copy: Path) -> None:
    file = _recorded_without(copy, "de.emon.directory.municipality.v1", "successor")
    assert command.not_current(copy) == [f"{file.relative_to(copy)} is not what the code says: run make documents."]
    assert command.write(copy) == []
    assert "successor" in file.read_text(encoding="utf-8")


def test_a_breaking_change_is_seen_and_never_recorded(copy: Path) -> None:
    file = _recorded_without(copy, "de.emon.meetings.meeting-scheduled.v1", "revision")
    before = file.read_text(encoding="utf-8")
    [broken, advice] = command.not_current(copy)
    assert broken.startswith("de.emon.meetings.meeting-scheduled.v1: `revision` of the message: the new field is required")
    assert "docs/changing-events.md" in advice
    assert command.write(copy)[0] == broken
    assert file.read_text(encoding="utf-8") == before


def test_a_message_that_left_the_registry_is_seen(copy: Path) -> None:
    (copy / FOLDER / "de.emon.meetings.meeting-forgotten.v1.json").write_text("{}")
    [broken] = broken_promises(copy)
    assert "meeting-forgotten.v1 is recorded and not in the registry" in broken


def _recorded_without(copy: Path, type_: str, field: str) -> Path:
    """As if the field had been added since."""
    file = copy / FOLDER / f"{type_}.json"
    schema = json.loads(file.read_text(encoding="utf-8"))
    del schema["properties"][field]
    schema["required"] = [name for name in schema["required"] if name != field]
    file.write_text(json.dumps(schema, indent=2), encoding="utf-8")
    return file


def test_a_new_event_and_who_listens_to_it_are_picked_up() -> None:
    listening = Composition({"notifications": (Facts(FEEDBACK_EVENTS, {FeedbackReceived: on_feedback}),)}, {})
    text = events_markdown(listening, {FeedbackReceived.TYPE: FeedbackReceived})
    assert "| [FeedbackReceived](#feedbackreceived) | `feedback_id` | feedback | notifications |" in text
    assert "| notifications | The contact person is told. |" in text


def test_a_handler_must_say_what_follows() -> None:
    listening = Composition({"notifications": (Facts(FEEDBACK_EVENTS, {FeedbackReceived: without_words}),)}, {})
    with pytest.raises(Undocumented, match="without_words of notifications handles FeedbackReceived and has no docstring"):
        events_markdown(listening, {FeedbackReceived.TYPE: FeedbackReceived})


def test_a_message_must_say_what_its_key_is() -> None:
    class Keyless(Payload):
        """Something happened."""

        TYPE: ClassVar[str] = "de.emon.feedback.keyless.v1"
        TOPIC: ClassVar[Topic] = FEEDBACK_EVENTS

    with pytest.raises(Undocumented, match="Keyless does not say what its key is: add KEY"):
        events_markdown(Composition({}, {}), {Keyless.TYPE: Keyless})


@pytest.mark.parametrize("message", MESSAGES.values(), ids=lambda message: message.__name__)
def test_the_key_is_the_field_that_is_named(message: type[Payload]) -> None:
    payload = message.model_validate(example_of(message))
    assert payload.key() == str(getattr(payload, message.KEY))


def test_every_topic_is_written_by_one_of_the_services_or_by_nobody_yet() -> None:
    published = {topic.publisher for topic in TOPICS if any(topic == message.TOPIC for message in MESSAGES.values())}
    assert published <= set(composition().subscriptions)


def test_no_service_makes_a_message_of_another() -> None:
    """What the documents say of publishers is what the code does."""
    publishers = {message.__name__: message.TOPIC.publisher for message in MESSAGES.values()}
    for file in (ROOT / "services").rglob("*.py"):
        service = file.relative_to(ROOT / "services").parts[0]
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in publishers:
                assert publishers[node.func.id] == service, f"{file}:{node.lineno} makes a {node.func.id}"


def test_every_route_names_its_permission_and_says_what_it_does() -> None:
    for method, path, operation in operations(composition().openapi):
        assert permission_of(method, path, operation)
        assert operation["summary"] in operation["description"].replace("\n", " "), f"{method} {path}"


def test_a_route_without_permission_is_refused() -> None:
    operation = {"summary": "Reads", "tags": ["x"]}
    with pytest.raises(Undocumented, match=r"GET /v1/things names no permission: add openapi_extra"):
        routes_markdown({"paths": {"/v1/things": {"get": operation}}})


def test_every_problem_that_is_answered_has_its_type_and_every_type_is_answered() -> None:
    texts: set[str] = set()
    answered: set[str] = set()
    for file in [*(ROOT / "services").rglob("*.py"), *(ROOT / "shared").rglob("*.py")]:
        if file.name == "problem_types.py":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in PROBLEM_CONSTRUCTORS:
                match node.args:
                    case [_, ast.Constant(value=str(code)), *_]:
                        answered.add(code)
                    case _:
                        assert file.name == "problems.py", f"{file}:{node.lineno}: write the code of this problem out"
    assert answered <= set(PROBLEM_TYPES)
    assert set(PROBLEM_TYPES) <= texts


def test_a_code_must_be_written_out(tmp_path: Path) -> None:
    file = tmp_path / "services" / "rules.py"
    file.parent.mkdir()
    file.write_text(f'code = "x-{uuid4().hex}"\nRefusal(code, "No.")\n')
    with pytest.raises(Undocumented, match=r"services/rules.py:2: write the code of this Refusal out"):
        refusals_markdown(tmp_path)


def test_every_variable_that_the_code_speaks_of_is_a_setting_that_is_documented() -> None:
    spoken_of = {
        name
        for folder in ("services", "shared", "deploy")
        for file in (ROOT / folder).rglob("*.py")
        for name in re.findall(r"\bEMON_[A-Z_]*[A-Z]\b(?!_)", file.read_text(encoding="utf-8"))
    }
    documented = set(re.findall(r"EMON_[A-Z_]+", (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")))
    of_one_service = {"EMON_CONTACTS_X", "EMON_CONTACTS_KAFKA_BOOTSTRAP", "EMON_CONTACTS_DATABASE_OWNER_URL"}
    assert spoken_of - documented - {"EMON_X", *of_one_service} == set()
    assert "EMON_SMTP_URL" in documented
