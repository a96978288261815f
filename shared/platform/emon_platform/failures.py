"""Which failures pass by themselves, and which are the fault of one record.

The classes are PostgreSQL's SQLSTATE classes (appendix A of its manual): 08 connection, 40 rollback (deadlock,
serialisation), 53 resources (connections, memory, disk), 57 operator intervention (shutdown, query cancelled by a time-out).
25P04 is transaction_timeout: the transaction of a stalled holder was ended, and it may be tried again.
"""

import asyncpg

_TRANSIENT_CLASSES = ("08", "40", "53", "57")
_TRANSIENT_STATES = ("25P02", "25P03", "25P04", "55P03")
_DATA_CLASSES = ("22", "23")


def is_transient(error: BaseException) -> bool:
    """Whether the same work may well succeed a little later, with nothing changed by anybody."""
    state = getattr(error, "sqlstate", None)
    if isinstance(error, asyncpg.PostgresError) and isinstance(state, str):
        return state[:2] in _TRANSIENT_CLASSES or state in _TRANSIENT_STATES
    # InterfaceError: asyncpg's own word for a connection that is closed or closing, and for a pool that is.
    return isinstance(error, OSError | TimeoutError | asyncpg.InterfaceError | asyncpg.InternalClientError)


def is_data_error(error: BaseException) -> bool:
    """Whether PostgreSQL refused the data itself: SQLSTATE class 22 (data exception) or 23 (integrity constraint)."""
    state = getattr(error, "sqlstate", None)
    return isinstance(error, asyncpg.PostgresError) and isinstance(state, str) and state[:2] in _DATA_CLASSES
