"""Rows as values: each cell checked by its type, and what is wrong said in words."""

from collections.abc import Iterable, Mapping, Sequence
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


def check_rows(table: Table, model: type[RowT]) -> tuple[list[tuple[Row, RowT]], list[RejectedRow]]:
    """The rows that are well-formed, and the others."""
    good: list[tuple[Row, RowT]] = []
    rejected: list[RejectedRow] = []
    for row in table.rows:
        if table.has_surplus(row):
            last = next(column for column in reversed(table.columns) if column)
            rejected.append(RejectedRow(row.number, last, "something stands behind it where the header names no column"))
            continue
        try:
            good.append((row, model.model_validate(table.values(row))))
        except ValidationError as error:
            rejected.append(_rejected(row, table.columns, error.errors()))
    return good, rejected


def _rejected(row: Row, columns: Sequence[str], errors: Iterable[Mapping[str, Any]]) -> RejectedRow:
    """One for each row: the first column that is wrong in it; the reason names the others too."""
    reasons: dict[str, str] = {}
    for error in errors:
        reasons.setdefault(str(error["loc"][0]), _reason(error))
    first, *others = sorted(reasons, key=columns.index)
    return RejectedRow(row.number, first, "; ".join([reasons[first], *(f"{column}: {reasons[column]}" for column in others)]))


def _reason(error: Mapping[str, Any]) -> str:
    if error["input"] == "":
        return "is missing"
    if error["type"] == "string_pattern_mismatch":
        return "must be an official municipality key of 8 digits (a spreadsheet drops the first 0 unless the column is text)"
    return str(error["msg"])
