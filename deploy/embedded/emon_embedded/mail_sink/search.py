"""Mailpit's search, as far as one needs it here.

Words, "quoted words", and `to:`, `subject:` and their like; each is negated by `-` or `!`.
"""

import re
from dataclasses import dataclass

_ALL_ADDRESSES = ("sender", "recipients", "cc", "bcc", "reply_to")
_COLUMNS = {
    "to": ("recipients",),
    "from": ("sender",),
    "cc": ("cc",),
    "bcc": ("bcc",),
    "reply-to": ("reply_to",),
    "addressed": _ALL_ADDRESSES,
    "subject": ("subject",),
    "message-id": ("message_id",),
}
_STATES = {"is:read": "is_read = 1", "is:unread": "is_read = 0"}


@dataclass(frozen=True)
class Condition:
    """What follows WHERE, with the values for its question marks."""

    sql: str = "true"
    values: tuple[str, ...] = ()

    def __and__(self, other: "Condition") -> "Condition":
        return Condition(f"{self.sql} AND {other.sql}", self.values + other.values)


def parse_search(query: str) -> Condition:
    """The condition that a search stands for; every term of it must hold."""
    condition = Condition()
    for negation, key, quoted, bare in re.findall(r'([-!]?)(?:([a-zA-Z-]+):)?(?:"([^"]*)"|(\S+))', query):
        condition &= _term(negation != "", key.casefold(), (quoted or bare).casefold())
    return condition


def _term(is_negated: bool, key: str, wanted: str) -> Condition:
    state = _STATES.get(f"{key}:{wanted}")
    if state is not None:
        return Condition(f"NOT ({state})" if is_negated else state)
    if key and key not in _COLUMNS:
        key, wanted = "", f"{key}:{wanted}"
    columns = _COLUMNS.get(key, ("words",))
    found = " OR ".join(f"instr({column}, ?) > 0" for column in columns)
    return Condition(f"NOT ({found})" if is_negated else f"({found})", (wanted,) * len(columns))
