"""One PostgreSQL database of one service, by one of its roles.

Promises: a transaction commits whole or not at all; what a caller may see is set for that transaction alone; the relay is
woken after a commit that left something in the outbox, and whoever shows something live after one that changed it, never before.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Self
from uuid import UUID

import asyncpg
import structlog

from emon_contracts.actors import Actor
from emon_contracts.permissions import Permission, Scope, scope_of
from emon_contracts.refusals import Forbidden
from emon_platform import changes
from emon_platform.failures import is_transient

log = structlog.get_logger()

OUTBOX_CHANNEL = "emon_outbox"
ACQUIRE_TIMEOUT_S = 5.0
NOTIFY_INTERVAL_S = 0.005
CLOSE_TIMEOUT_S = 5.0

# For a connection that holds a lock, so that the lock of a machine that vanished is free soon: the server looks after 5 s of
# silence, and gives up after 3 looks, or when something that it said was acknowledged by nobody for as long.
NOTICED_WHEN_GONE = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "11000",
}


class _Connection(asyncpg.Connection):  # pyright: ignore[reportMissingTypeArgument]
    def get_reset_query(self) -> str:
        # Every setting is transaction-local and nothing listens on a pooled connection, so a release needs no round trip.
        return ""


class CommitFailed(Exception):
    """A statement had failed and was swallowed: PostgreSQL answered COMMIT with ROLLBACK."""


class Transaction:
    """An open transaction, who acts in it, and in which scope (neither in a worker's)."""

    def __init__(self, connection: Any, actor: Actor | None, scope: Scope | None) -> None:
        self.connection: asyncpg.Connection[Any] = connection
        self._actor = actor
        self._scope = scope
        self.outbox_touched = False
        self.touched: set[str] = set()

    def note_changes(self, *touched: str | UUID) -> None:
        """After the commit, whoever shows something live hears of these municipalities and people; see `changes`."""
        self.touched.update(map(str, touched))

    @property
    def actor(self) -> Actor:
        """The caller. Raises RuntimeError in a worker's transaction, which has none."""
        if self._actor is None:
            raise RuntimeError("a worker's transaction has no caller")
        return self._actor

    @property
    def scope(self) -> Scope:
        """How far the caller's permission reaches. Raises RuntimeError in a worker's transaction."""
        if self._scope is None:
            raise RuntimeError("a worker's transaction has no scope")
        return self._scope

    async def fetch(self, query: str, *arguments: object) -> list[Any]:
        """All rows."""
        return await self.connection.fetch(query, *arguments)

    async def fetchrow(self, query: str, *arguments: object) -> Any:
        """The first row or None."""
        return await self.connection.fetchrow(query, *arguments)

    async def fetchval(self, query: str, *arguments: object) -> Any:
        """The first value of the first row or None."""
        return await self.connection.fetchval(query, *arguments)

    async def execute(self, query: str, *arguments: object) -> str:
        """Runs a statement; answers its command tag, such as `UPDATE 3`."""
        return await self.connection.execute(query, *arguments)

    async def executemany(self, query: str, arguments: Iterable[Sequence[object]]) -> None:
        """Runs one statement for each row of arguments, in one round trip."""
        await self.connection.executemany(query, arguments)

    @asynccontextmanager
    async def savepoint(self) -> AsyncGenerator[None]:
        """What happens inside stands or falls by itself; an error rolls back to here and goes on to the caller."""
        await self.connection.execute("SAVEPOINT emon")
        try:
            yield
        except BaseException:
            await self.connection.execute("ROLLBACK TO SAVEPOINT emon; RELEASE SAVEPOINT emon")
            raise
        await self.connection.execute("RELEASE SAVEPOINT emon")


class Database:
    """A pool of connections for one role."""

    def __init__(self, pool: Any, transaction_timeout_s: float) -> None:
        self.pool: asyncpg.Pool[Any] = pool
        self.transaction_timeout_s = transaction_timeout_s
        self._wake_wanted = False
        self._touched: set[str] = set()
        self._waking: asyncio.Task[None] | None = None

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        name: str,
        size_max: int = 10,
        transaction_timeout_s: float = 60.0,
    ) -> Self:
        """Opens the pool. `transaction_timeout_s` ends a transaction whose holder stalls, so that it blocks nobody for long."""
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=size_max,
            connection_class=_Connection,
            server_settings={
                "application_name": name,
                "transaction_timeout": str(int(transaction_timeout_s * 1000)),
                "lock_timeout": str(int(min(transaction_timeout_s, 10.0) * 1000)),
                "jit": "off",
            },
        )
        return cls(pool, transaction_timeout_s)

    async def close(self) -> None:
        """Waits for pending notifications and closes the pool."""
        if self._waking is not None:
            await self._waking
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self.pool.close()
        except TimeoutError:
            self.pool.terminate()

    @asynccontextmanager
    async def transaction(self, actor: Actor, permission: Permission, settings: str = "") -> AsyncGenerator[Transaction]:
        """A transaction in the scope in which `actor` holds `permission`. Raises Forbidden where they hold it nowhere.

        `settings`: SET LOCAL for this transaction, in the same round trip as BEGIN.
        """
        scope = scope_of(actor, permission)
        if scope is None:
            raise Forbidden(permission.value)
        async with self._begin(f"{_scope_settings(actor, scope)}; {settings}", actor, scope) as tx:
            yield tx

    @asynccontextmanager
    async def unscoped(self, settings: str = "") -> AsyncGenerator[Transaction]:
        """A transaction without a caller. The worker role sees every tenant by its policies; the api role sees none.

        `settings`: SET LOCAL for this transaction, in the same round trip as BEGIN.
        """
        async with self._begin(settings, None, None) as tx:
            yield tx

    @asynccontextmanager
    async def _begin(self, settings: str, actor: Actor | None, scope: Scope | None) -> AsyncGenerator[Transaction]:
        connection = await self.pool.acquire(timeout=ACQUIRE_TIMEOUT_S)
        try:
            await connection.execute(f"BEGIN; {settings}")
            tx = Transaction(connection, actor, scope)
            try:
                yield tx
            except BaseException:
                await _roll_back(connection)
                raise
            if await connection.execute("COMMIT") != "COMMIT":
                raise CommitFailed("an error inside the transaction was swallowed; nothing was saved")
        finally:
            await self.pool.release(connection)
        if tx.outbox_touched:
            self.wake_relay()
        if tx.touched:
            self._touched |= tx.touched
            self._notify_soon()

    def wake_relay(self) -> None:
        """Sends a NOTIFY soon, at most one in NOTIFY_INTERVAL_S; the relay's poll covers one that is lost.

        After the commit and in its own statement, since NOTIFY inside a transaction holds a lock over the flush of the
        write-ahead log, and so loses PostgreSQL's group commit.
        """
        self._wake_wanted = True
        self._notify_soon()

    def _notify_soon(self) -> None:
        if self._waking is None or self._waking.done():
            self._waking = asyncio.create_task(self._notify())

    async def _notify(self) -> None:
        while self._wake_wanted or self._touched:
            wake, self._wake_wanted = self._wake_wanted, False
            touched, self._touched = self._touched, set()
            try:
                if wake:
                    await self.pool.execute(f"NOTIFY {OUTBOX_CHANNEL}")
                if touched:
                    await self.pool.execute(
                        "SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload",
                        changes.CHANNEL,
                        changes.payloads_of(touched),
                    )
            except Exception as error:
                if not is_transient(error):
                    raise
                log.info("not_notified", reason=type(error).__name__)
            await asyncio.sleep(NOTIFY_INTERVAL_S)


async def _roll_back(connection: Any) -> None:
    try:
        await connection.execute("ROLLBACK")
    except Exception as error:  # noqa: BLE001
        # The first error is the one to report; a broken connection has rolled back by itself.
        log.info("rollback_failed", reason=type(error).__name__)
        # Where the connection is gone, the pool has taken it back already, and says so.
        with suppress(asyncpg.InterfaceError):
            connection.terminate()


def _scope_settings(actor: Actor, scope: Scope) -> str:
    """The scope as transaction-local settings for row-level security, in the same round trip as BEGIN.

    Literals, because the simple query protocol has no parameters: every value is a key of digits or a UUID by type.
    """
    for ags in scope.municipalities:
        if not (len(ags) == 8 and ags.isdigit()):
            raise ValueError(f"not a municipality key: {ags!r}")
    values = {
        "emon.caller": _uuid_text(actor.person_id),
        "emon.everywhere": "on" if scope.everywhere else "off",
        "emon.municipalities": ",".join(sorted(scope.municipalities)),
        "emon.organisations": ",".join(sorted(_uuid_text(identifier) for identifier in scope.organisations)),
        "emon.person": _uuid_text(scope.person_id) if scope.person_id else "",
        "emon.link_subject": _uuid_text(scope.link.subject_id) if scope.link else "",
    }
    return "SELECT " + ", ".join(f"set_config('{name}', '{value}', true)" for name, value in values.items())


def _uuid_text(identifier: UUID) -> str:
    return str(UUID(int=identifier.int))
