"""`python -m documents {write,check}`, in the folder of the project."""

import argparse
import sys
from pathlib import Path

from documents.asyncapi import asyncapi_yaml
from documents.chart import chart_files
from documents.composition import composition
from documents.events import events_markdown
from documents.refusals import refusals_markdown
from documents.routes import routes_markdown
from documents.schemas import FOLDER, Undocumented, broken_promises, recorded_schema_files
from documents.settings import settings_markdown

ROOT = Path(__file__).parents[1]
DOCUMENTS = Path("docs")

CHANGING = "docs/changing-events.md says which changes break nobody, and how to make the others"


def documents() -> dict[Path, str]:
    """Every document that is made from the code, by its file below the project's folder. Raises Undocumented."""
    composed = composition()
    return {
        DOCUMENTS / "asyncapi.yaml": asyncapi_yaml(composed),
        DOCUMENTS / "events.md": events_markdown(composed),
        DOCUMENTS / "routes.md": routes_markdown(composed.openapi),
        DOCUMENTS / "refusals.md": refusals_markdown(ROOT),
        DOCUMENTS / "settings.md": settings_markdown(),
        **recorded_schema_files(),
        **chart_files(ROOT),
    }


def not_current(root: Path = ROOT) -> list[str]:
    """What is wrong with the documents that are committed, a sentence each; empty if nothing is."""
    try:
        made = documents()
    except Undocumented as missing:
        return [str(missing)]
    broken = broken_promises(root)
    if broken:
        return [*broken, f"A message changed so that somebody would refuse it; {CHANGING}."]
    return [f"{file} is not what the code says: run make documents." for file, text in made.items() if _held(root / file) != text]


def write(root: Path = ROOT) -> list[str]:
    """Writes what is not current. Records no change that breaks somebody; answers what stands against it."""
    try:
        made = documents()
    except Undocumented as missing:
        return [str(missing)]
    broken = broken_promises(root)
    if broken:
        return [*broken, f"Nothing was written; {CHANGING}."]
    (root / FOLDER).mkdir(exist_ok=True)
    for file, text in made.items():
        if _held(root / file) != text:
            (root / file).write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote {file}\n")
    return []


def _held(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.exists() else None


def main() -> int:
    """Runs the command; prints what is wrong, and answers the exit code."""
    parser = argparse.ArgumentParser(prog="python -m documents")
    parser.add_argument("action", choices=("write", "check"))
    wrong = write() if parser.parse_args().action == "write" else not_current()
    sys.stdout.write("\n".join(wrong or ["The documents are current."]) + "\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
