"""A figure of ours beside a peer's, and the table of all of them."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Comparison:
    """One line of the table. `target` is the least ratio that was promised; `peer` is None where there is nobody to compare with.

    `limit` bounds our own figure as well: at least so much, or at most, for a latency.
    """

    what: str
    unit: str
    ours: float
    peer_name: str = ""
    peer: float | None = None
    target: float | None = None
    at_least: float | None = None
    at_most: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times as much."""
        return None if self.peer is None else self.ours / self.peer

    @property
    def reached(self) -> bool:
        """Whether every promise was kept."""
        return (
            (self.target is None or (self.ratio is not None and self.ratio >= self.target))
            and (self.at_least is None or self.ours >= self.at_least)
            and (self.at_most is None or self.ours <= self.at_most)
        )

    @property
    def promise(self) -> str:
        """What was promised, in words."""
        promises = (
            None if self.target is None else f"≥ {self.target:g} ×",
            None if self.at_least is None else f"≥ {self.at_least:,.0f} {self.unit}",
            None if self.at_most is None else f"≤ {self.at_most:g} {self.unit}",
        )
        return ", ".join(promise for promise in promises if promise is not None)

    def row(self) -> list[str]:
        """Its cells, as `HEADER` names them."""
        return [
            self.what,
            f"{_number(self.ours)} {self.unit}",
            "" if self.peer is None else f"{_number(self.peer)} {self.unit}",
            "" if self.ratio is None else f"{self.ratio:.1f} ×",
            self.promise,
            ("yes" if self.reached else "NO") if self.promise else "",
            self.peer_name,
        ]


HEADER = ["what", "ours", "peer", "ratio", "target", "reached", "peer's name and form"]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def table(comparisons: Sequence[Comparison]) -> str:
    """All lines, as Markdown that reads well on a terminal too."""
    rows = [HEADER, *(comparison.row() for comparison in comparisons)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])
