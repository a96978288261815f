"""Rows as values: each cell checked by its type, and what is wrong said by a code and in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from emon_contacts.imports.table import RejectedRow, Row, Table
from emon_contacts.organisations.rules import OrganisationKind
from emon_contracts.actors import Engagement
from emon_contracts.values import Ags, DisplayName, EmailAddress, Line, Locale


def _empty_is_none(cell: object) -> object:
    return None if isinstance(cell, str) and not cell.strip() else cell


def _trimmed(cell: object) -> object:
    return cell.strip(" ") if isinstance(cell, str) else cell


class OrganisationRow(BaseModel):
    """Columns `name,kind,ags`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Line
    kind: Annotated[OrganisationKind, BeforeValidator(_trimmed)]
    ags: Annotated[Ags, BeforeValidator(_trimmed)]


class PersonRow(BaseModel):
    """Columns `email,display_name,locale,organisation,engagement[,ags]`; e-mail, locale and ags may be empty."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    email: Annotated[EmailAddress | None, BeforeValidator(_empty_is_none)]
    display_name: DisplayName
    locale: Annotated[Locale | None, BeforeValidator(_trimmed), BeforeValidator(_empty_is_none)]
    organisation: Line
    engagement: Annotated[Engagement, BeforeValidator(_trimmed)]
    ags: Annotated[Ags | None, BeforeValidator(_trimmed), BeforeValidator(_empty_is_none)] = Field(default=None)


RowT = TypeVar("RowT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class RowRefusal:
    """Why a row is not taken: a stable code in kebab-case, what to do about it, and the field that it is about."""

    code: str
    detail: str
    field: str


def check_row(values: Mapping[str, str], model: type[RowT]) -> RowT | tuple[RowRefusal, ...]:
    """A row as a value, or what is wrong with it: one refusal for each field."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        refusals: dict[str, RowRefusal] = {}
        for item in error.errors():
            refusal = _refusal(item)
            refusals.setdefault(refusal.field, refusal)
        return tuple(refusals.values())


def check_rows(table: Table, model: type[RowT]) -> tuple[list[tuple[Row, RowT]], list[RejectedRow]]:
    """The rows that are well-formed, and the others."""
    good: list[tuple[Row, RowT]] = []
    rejected: list[RejectedRow] = []
    for row in table.rows:
        if table.has_surplus(row):
            last = next(column for column in reversed(table.columns) if column)
            rejected.append(RejectedRow(row.number, last, "something stands behind it where the header names no column"))
            continue
        checked = check_row(table.values(row), model)
        if isinstance(checked, tuple):
            rejected.append(_rejected(row, table.columns, checked))
        else:
            good.append((row, checked))
    return good, rejected


def _rejected(row: Row, columns: Sequence[str], refusals: Sequence[RowRefusal]) -> RejectedRow:
    """One for each row: the first column that is wrong in it; the reason names the others too."""
    first, *others = sorted(refusals, key=lambda refusal: columns.index(refusal.field))
    return RejectedRow(row.number, first.field, "; ".join([first.detail, *(f"{item.field}: {item.detail}" for item in others)]))


def _refusal(error: Mapping[str, Any]) -> RowRefusal:
    field, said = str(error["loc"][0]), str(error["msg"])
    if error["input"] == "":
        return RowRefusal("missing", "is missing", field)
    match error["type"]:
        case "blank":
            return RowRefusal("missing", said, field)
        case "email":
            return RowRefusal("not-an-address", said, field)
        case "enum":
            return RowRefusal("unknown-word", said, field)
        case "string_pattern_mismatch":
            return RowRefusal(
                "not-an-ags",
                "must be an official municipality key of 8 digits (a spreadsheet drops the first 0 unless the column is text)",
                field,
            )
        case "string_too_long":
            return RowRefusal("too-long", said, field)
        case "control_character":
            return RowRefusal("control-character", said, field)
        case "encoded_word":
            return RowRefusal("encoded-word", said, field)
        case _:
            return RowRefusal("not-valid", said, field)
