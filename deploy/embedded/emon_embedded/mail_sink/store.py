"""Keeps the mails in SQLite. What it has confirmed is on disk, and survives the kill of the process and of the machine."""

import queue
import sqlite3
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emon_embedded.mail_sink.search import Condition

COMMITTED_AT_ONCE = 500
SCHEMA = """
CREATE TABLE IF NOT EXISTS mails (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    is_read    INTEGER NOT NULL DEFAULT 0,
    summary    TEXT NOT NULL,   -- as it is listed, in JSON, but for whether it was read
    envelope   TEXT NOT NULL,   -- of SMTP, in JSON
    subject    TEXT NOT NULL,   -- this and what follows: casefolded, for the search
    sender     TEXT NOT NULL,
    recipients TEXT NOT NULL,
    cc         TEXT NOT NULL,
    bcc        TEXT NOT NULL,
    reply_to   TEXT NOT NULL,
    message_id TEXT NOT NULL,
    words      TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS mails_not_read ON mails (number) WHERE is_read = 0;
CREATE TABLE IF NOT EXISTS contents (
    number  INTEGER PRIMARY KEY REFERENCES mails (number),
    content BLOB NOT NULL
);
"""
INSERT = """
INSERT INTO mails (id, summary, envelope, subject, sender, recipients, cc, bcc, reply_to, message_id, words)
VALUES (:id, :summary, :envelope, :subject, :sender, :recipients, :cc, :bcc, :reply_to, :message_id, :words)
"""

Change = Callable[[sqlite3.Connection], None]


@dataclass(frozen=True)
class NewMail:
    """A mail as it is stored; `columns` are those of the table."""

    columns: dict[str, str]
    content: bytes


@dataclass(frozen=True)
class Listed:
    """A row of the list: its summary in JSON, and whether it was read."""

    summary: str
    is_read: bool


@dataclass(frozen=True)
class StoredMail:
    """A mail with its envelope in JSON and its summary in JSON."""

    id: str
    envelope: str
    summary: str
    content: bytes


@dataclass(frozen=True)
class Counts:
    """How many mails there are, and how many nobody has looked at."""

    total: int
    unread: int


class MailStore:
    """One thread writes and commits whatever has gathered meanwhile at once; readers never wait for it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "mails.sqlite"
        self._changes: queue.SimpleQueue[tuple[Change, Future[None]] | None] = queue.SimpleQueue()
        with closing(self._connect()) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(SCHEMA)
        self._writer = threading.Thread(target=self._write, name="mail store")
        self._writer.start()

    def close(self) -> None:
        """Writes what is still waiting, and ends."""
        self._changes.put(None)
        self._writer.join()

    def keep(self, mail: NewMail) -> "Future[None]":
        """Done when the mail is on disk."""

        def insert(connection: sqlite3.Connection) -> None:
            number = connection.execute(INSERT, mail.columns).lastrowid
            connection.execute("INSERT INTO contents (number, content) VALUES (?, ?)", (number, mail.content))

        return self._change(insert)

    def mark_read(self, mail_id: str) -> "Future[None]":
        """Done when the mail counts as read."""
        return self._change(lambda connection: _run(connection, "UPDATE mails SET is_read = 1 WHERE id = ?", (mail_id,)))

    def delete(self, mail_ids: list[str] | None) -> "Future[None]":
        """Done when these mails are gone; None means all."""

        def delete(connection: sqlite3.Connection) -> None:
            if mail_ids is None:
                _run(connection, "DELETE FROM contents")
                _run(connection, "DELETE FROM mails")
            for mail_id in mail_ids or ():
                _run(connection, "DELETE FROM contents WHERE number = (SELECT number FROM mails WHERE id = ?)", (mail_id,))
                _run(connection, "DELETE FROM mails WHERE id = ?", (mail_id,))

        return self._change(delete)

    def counts(self, where: Condition | None = None) -> Counts:
        """Of all mails, or of those that meet the condition."""
        condition = where or Condition()
        with self._reader() as connection:
            # Two questions, each answered from an index when there is no condition.
            [total] = connection.execute(f"SELECT count(*) FROM mails WHERE {condition.sql}", condition.values).fetchone()
            unread_sql = f"SELECT count(*) FROM mails WHERE is_read = 0 AND {condition.sql}"
            [unread] = connection.execute(unread_sql, condition.values).fetchone()
        return Counts(total=total, unread=unread)

    def listed(self, start: int, limit: int | None, where: Condition | None = None) -> list[Listed]:
        """The newest mails first, `limit` of them (None: all) after the first `start`."""
        condition = where or Condition()
        query = f"SELECT summary, is_read FROM mails WHERE {condition.sql} ORDER BY number DESC LIMIT ? OFFSET ?"
        with self._reader() as connection:
            rows = connection.execute(query, (*condition.values, -1 if limit is None else limit, start)).fetchall()
        return [Listed(summary=summary, is_read=bool(is_read)) for summary, is_read in rows]

    def mail(self, mail_id: str) -> StoredMail | None:
        """The mail with this id (`latest` is the newest), if there is one."""
        which = "number = (SELECT max(number) FROM mails)" if mail_id == "latest" else "id = ?"
        query = f"SELECT id, envelope, summary, content FROM mails JOIN contents USING (number) WHERE {which}"
        with self._reader() as connection:
            row = connection.execute(query, () if mail_id == "latest" else (mail_id,)).fetchone()
        return None if row is None else StoredMail(*row)

    def _change(self, change: Change) -> "Future[None]":
        done: Future[None] = Future()
        self._changes.put((change, done))
        return done

    def _write(self) -> None:
        with closing(self._connect()) as connection:
            while batch := self._next_batch():
                try:
                    _commit_all(connection, [change for change, _ in batch])
                except sqlite3.Error as failure:
                    for _, done in batch:
                        done.set_exception(failure)
                else:
                    for _, done in batch:
                        done.set_result(None)

    def _next_batch(self) -> list[tuple[Change, "Future[None]"]]:
        """Waits for one change and takes what else waits; nothing when it is time to end."""
        batch: list[tuple[Change, Future[None]]] = []
        while (entry := self._changes.get()) is not None:
            batch.append(entry)
            if self._changes.empty() or len(batch) == COMMITTED_AT_ONCE:
                return batch
        if batch:
            self._changes.put(None)
        return batch

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._file, isolation_level=None, timeout=30)
        connection.execute("PRAGMA synchronous = FULL")  # In WAL mode a commit reaches the disk with this alone.
        return connection

    @contextmanager
    def _reader(self) -> Generator[sqlite3.Connection]:
        with closing(self._connect()) as connection:
            connection.execute("BEGIN")
            yield connection


def _commit_all(connection: sqlite3.Connection, changes: list[Change]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for change in changes:
            change(connection)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _run(connection: sqlite3.Connection, statement: str, values: tuple[Any, ...] = ()) -> None:
    connection.execute(statement, values)
