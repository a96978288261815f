"""How a newer register changes what we know: names are updated, merged municipalities closed, and nothing is deleted."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from emon_contracts.refusals import Refusal
from emon_contracts.values import Ags

# A file that lacks more of a state than this is more likely cut off than true.
CLOSURES_PERCENT_MAX = 5


@dataclass(frozen=True, slots=True)
class Municipality:
    """A municipality as we know it. `as_of` is the date of the newest file that told of it."""

    ags: Ags
    name: str
    type_code: str
    population: int
    area_hectares: int
    post_code: str | None
    as_of: date
    closed_on: date | None = None
    successor: Ags | None = None
    version: int = 1

    @property
    def state(self) -> str:
        return self.ags[:2]

    @property
    def is_open(self) -> bool:
        return self.closed_on is None


@dataclass(frozen=True, slots=True)
class RegisterUpdate:
    """What an import does: `new` and `changed` go to the directory, `confirmed` are only as of a newer date now."""

    new: tuple[Municipality, ...] = ()
    changed: tuple[Municipality, ...] = ()
    confirmed: tuple[Ags, ...] = ()
    closed: tuple[Ags, ...] = ()
    outdated_states: tuple[str, ...] = ()


def compare(
    known: Mapping[Ags, Municipality],
    told: Iterable[Municipality],
    complete_states: Collection[str],
    unclear: Collection[Ags],
    as_of: date,
    successors: Mapping[Ags, Ags],
    *,
    accept_closures: bool,
) -> RegisterUpdate | Refusal:
    """What changes by a file with this date. A state of which a newer file was read already stays as it is.

    Of `complete_states`, a newer file closes what it no longer has; refuses to close more than CLOSURES_PERCENT_MAX of one
    unless `accept_closures`. What is `unclear`, the file has, though nothing more is known of it.
    """
    newest = _newest_file(known.values())
    outdated = {state for state, read in newest.items() if as_of < read}
    new: list[Municipality] = []
    changed: dict[Ags, Municipality] = {}
    confirmed: list[Ags] = []
    seen: set[Ags] = set(unclear)
    for entry in told:
        if entry.state in outdated:
            continue
        seen.add(entry.ags)
        before = known.get(entry.ags)
        if before is None:
            new.append(entry)
        elif _facts(before) != _facts(entry):
            changed[entry.ags] = replace(entry, version=before.version + 1)
        elif before.as_of < as_of:
            confirmed.append(entry.ags)
    closing = [
        municipality
        for municipality in known.values()
        if municipality.is_open
        and municipality.ags not in seen
        and municipality.state in complete_states
        and municipality.state not in outdated
        and newest[municipality.state] < as_of
    ]
    refusal = None if accept_closures else _too_many(known.values(), closing)
    if refusal is not None:
        return refusal
    for municipality in closing:
        changed[municipality.ags] = replace(municipality, closed_on=as_of, as_of=as_of, version=municipality.version + 1)
    after = {**known, **{item.ags: item for item in new}, **changed}
    refusal = _apply_successors(after, known, changed, successors)
    if refusal is not None:
        return refusal
    return RegisterUpdate(
        tuple(new), tuple(changed.values()), tuple(confirmed), tuple(item.ags for item in closing), tuple(sorted(outdated))
    )


def _newest_file(known: Iterable[Municipality]) -> dict[str, date]:
    newest: dict[str, date] = {}
    for municipality in known:
        newest[municipality.state] = max(newest.get(municipality.state, municipality.as_of), municipality.as_of)
    return newest


def _facts(municipality: Municipality) -> tuple[object, ...]:
    return (
        municipality.name,
        municipality.type_code,
        municipality.population,
        municipality.area_hectares,
        municipality.post_code,
        municipality.is_open,
    )


def _too_many(known: Iterable[Municipality], closing: Sequence[Municipality]) -> Refusal | None:
    of_state: dict[str, int] = {}
    for municipality in known:
        of_state[municipality.state] = of_state.get(municipality.state, 0) + municipality.is_open
    for state in sorted({municipality.state for municipality in closing}):
        count = sum(municipality.state == state for municipality in closing)
        if count * 100 > of_state[state] * CLOSURES_PERCENT_MAX:
            return Refusal(
                "too-many-closures",
                f"The file no longer has {count} of the {of_state[state]} open municipalities of state {state}, which is more "
                f"than {CLOSURES_PERCENT_MAX} %. Nothing was changed. If that is right, import it with --accept-closures.",
                conflict=True,
            )
    return None


def _apply_successors(
    after: dict[Ags, Municipality],
    known: Mapping[Ags, Municipality],
    changed: dict[Ags, Municipality],
    successors: Mapping[Ags, Ags],
) -> Refusal | None:
    for ags, successor in successors.items():
        municipality = after.get(ags)
        if municipality is None or municipality.is_open:
            return Refusal("not-closed", f"{ags} is not a closed municipality, so it has no successor.")
        if successor == ags or successor not in after:
            return Refusal("unknown-successor", f"{successor}, the successor of {ags}, is no other municipality of the register.")
        if municipality.successor != successor:
            version = known[ags].version + 1
            changed[ags] = after[ags] = replace(municipality, successor=successor, version=version)
    return None
