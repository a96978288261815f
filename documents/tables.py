"""Tables in Markdown."""

from collections.abc import Iterable, Sequence

HEADING = "<!-- Made from the code by `make documents`; change it there. -->"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with a line for each row, ended by a line feed."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)
