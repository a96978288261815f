"""`docs/refusals.md`: every code with which a rule or a field refuses a request, found in the code without running it."""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from documents.schemas import Undocumented
from documents.tables import HEADING, table

SOURCES = ("services", "shared")
DEPENDS = "(what exactly is said with the answer)"

INTRODUCTION = """\
The `code` of each entry of `errors`. A code is stable, what is said with it may change; `…` stands for what the case puts there.

A rule refuses with 422 (`refused`), or with 409 (`conflict`) where the state of the resource stands against it:
"""
FIELDS = """\
A field is refused with 422 (`invalid-request`) by a code of [pydantic](https://docs.pydantic.dev/latest/errors/validation_errors/)
or one of these; times that a clock skips or shows twice have the codes above:
"""

ROWS = """\
A row of a list that is imported is refused, while the others are taken, by one of these (`reasons` of a row of an import draft):
"""


@dataclass(frozen=True, slots=True)
class Code:
    """A code where it is used: by which constructor, what is said with it, and whether it is about the state."""

    constructor: str
    code: str
    detail: str
    conflict: bool


def refusals_markdown(root: Path) -> str:
    """The document as text. Raises Undocumented for a code that is not written out."""
    codes = list(codes_in(root, ("Refusal", "PydanticCustomError", "RowRefusal")))
    rules = [code for code in codes if code.constructor == "Refusal"]
    return (
        f"# Codes of refusals\n\n{HEADING}\n\n{INTRODUCTION}\n{table(('code', 'status', 'what it says'), _rows(rules))}\n"
        f"{FIELDS}\n{_without_status(codes, 'PydanticCustomError')}\n{ROWS}\n{_without_status(codes, 'RowRefusal')}"
    )


def _without_status(codes: Iterable[Code], constructor: str) -> str:
    found = _rows([code for code in codes if code.constructor == constructor])
    return table(("code", "what it says"), ((code, detail) for code, _, detail in found))


def _rows(codes: Iterable[Code]) -> Iterator[tuple[str, str, str]]:
    for code in sorted({found.code for found in codes}):
        alike = [found for found in codes if found.code == code]
        statuses = sorted({"409" if found.conflict else "422" for found in alike})
        details = dict.fromkeys(found.detail for found in alike if found.detail)
        yield f"`{code}`", ", ".join(statuses), " / ".join(details) or DEPENDS


def codes_in(root: Path, constructors: Iterable[str], sources: Iterable[str] = SOURCES) -> Iterator[Code]:
    """Every call of these constructors in the sources, in the order of the files. Raises Undocumented."""
    for source in sources:
        for file in sorted((root / source).rglob("*.py")):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in constructors:
                    found = _code(node, node.func.id, f"{file.relative_to(root)}:{node.lineno}")
                    if found is not None:
                        yield found


def _code(call: ast.Call, constructor: str, place: str) -> Code | None:
    match call.args:
        case [ast.Constant(value=str(code)), *rest]:
            conflict = any(item.arg == "conflict" and _is_true(item.value) for item in call.keywords)
            return Code(constructor, code, _text(rest[0]) if rest else "", conflict)
        case [ast.Attribute(attr="code"), *_]:
            return None  # hands on the code of a refusal that was made elsewhere
        case _:
            raise Undocumented(f"{place}: write the code of this {constructor} out as a text, so that it can be documented.")


def _is_true(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is True


def _text(detail: ast.expr) -> str:
    match detail:
        case ast.Constant(value=str(text)):
            return re.sub(r"\{\w+\}", "…", text)
        case ast.JoinedStr(values=values):
            return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in values)
        case _:
            return ""
