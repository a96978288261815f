"""A lane: one connection to the mail server, and the small groups of mail that go over it."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from emon_notifications.mailing import measuring, outcomes, repository, rules, sending
from emon_notifications.mailing.letters import Writer
from emon_notifications.mailing.outcomes import Posted
from emon_notifications.mailing.pace import MinuteLimit, Work
from emon_notifications.mailing.repository import Finished
from emon_notifications.smtp import Accepted, ConnectFailed, Connection, NotSent, Outgoing, Rejected, Result, SmtpSettings, Stage
from emon_platform.database import Database
from emon_platform.failures import is_transient

log = structlog.get_logger()

IDLE_CONNECTION_S = 5.0
PAUSE_S_MIN = 0.2
PAUSE_S_MAX = 10.0


@dataclass
class Ledger:
    """Where lanes record, and what ails the mail server. It outlives them: an outcome that is known is not forgotten."""

    database: Database
    left_over: list[Finished] = field(default_factory=list[Finished])
    unreachable: str | None = None
    sender_refused: str | None = None

    async def record(self, finished: Sequence[Finished]) -> None:
        """Records these outcomes; again and again, while the database does not answer."""
        pause = PAUSE_S_MIN
        recorded = not finished
        try:
            while not recorded:
                try:
                    async with self.database.unscoped(repository.BY_INDEX) as tx:
                        await repository.finish(tx, finished)
                    recorded = True
                except Exception as error:
                    if not is_transient(error):
                        raise
                    log.warning("outcomes_not_recorded", mails=len(finished), reason=type(error).__name__, retry_in_s=pause)
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, PAUSE_S_MAX)
        finally:
            if not recorded:
                self.left_over.extend(finished)

    async def record_left_over(self) -> None:
        """Records what a lane knew that was cut off while the database did not answer."""
        left_over, self.left_over = self.left_over, []
        await self.record(left_over)


@dataclass
class Lane:
    """Number `number` of a mailer's lanes."""

    number: int
    mailer_id: int
    smtp: SmtpSettings
    writer: Writer
    limit: MinuteLimit
    work: Work
    ledger: Ledger
    _group_size: int = 1
    _pause_s: float = PAUSE_S_MIN

    async def run(self) -> None:
        """Sends until the work is closed. Connects when there is something to send, and hangs up after a while without."""
        while await self.work.next_for(self.number):
            # After a failure not only while something is due: health is to tell when the mail server is back.
            while not (await self._connect_and_send() or self.work.closed.is_set()):
                await self.work.pause(self._pause_s)
                self._pause_s = min(self._pause_s * 2, PAUSE_S_MAX)
            self._pause_s = PAUSE_S_MIN

    async def _connect_and_send(self) -> bool:
        """One connection. Answers whether the mail server did its part."""
        try:
            connection = await Connection.connect(self.smtp)
        except ConnectFailed as error:
            self.ledger.unreachable = error.reason
            log.warning("mail_server_unreachable", reason=error.reason, retry_in_s=self._pause_s)
            return False
        self.ledger.unreachable = None
        try:
            while not self.work.closed.is_set():
                decided, all_sent = await self._send_group(connection)
                if not (all_sent and connection.usable):
                    return False
                if not decided and not await self._more_comes():
                    return True
        finally:
            await connection.close()
        return True

    async def _more_comes(self) -> bool:
        try:
            async with asyncio.timeout(IDLE_CONNECTION_S):
                return await self.work.next_for(self.number)
        except TimeoutError:
            return False

    async def _send_group(self, connection: Connection) -> tuple[int, bool]:
        """One group: recorded, sent, recorded. Answers how many it decided about, and whether the server took up each mail."""
        granted = await self.limit.up_to(self._group_size)
        try:
            async with self.ledger.database.unscoped(repository.BY_INDEX) as tx:
                taken = await sending.take(tx, self.writer, self.mailer_id, granted)
        except BaseException:
            self.limit.give_back(granted)
            raise
        self.limit.give_back(granted - len(taken.posted))
        if not taken.posted:
            return taken.decided, True
        started = time.perf_counter()
        all_sent = await self._send(connection, taken.posted)
        self._group_size = rules.next_group_size(self._group_size, time.perf_counter() - started)
        return taken.decided, all_sent

    async def _send(self, connection: Connection, group: Sequence[Posted]) -> bool:
        posted: dict[object, Posted] = {mail.outgoing.reference: mail for mail in group}
        ended: list[Finished] = []
        all_sent = True
        free_since = time.perf_counter()

        def note(outgoing: Outgoing, result: Result) -> None:
            nonlocal all_sent, free_since
            all_sent = all_sent and not isinstance(result, NotSent)
            self._watch(result)
            mail = posted[outgoing.reference]
            ended.append(outcomes.finished(mail, result))
            now = time.perf_counter()
            measuring.note_try(mail, ended[-1], self.smtp, now - free_since)
            free_since = now

        try:
            await connection.send([mail.outgoing for mail in group], note)
        finally:
            await self.ledger.record(ended)
        return all_sent

    def _watch(self, result: Result) -> None:
        """A refusal of the sender is about us and everybody's mail; any mail that is accepted shows that it is over."""
        if isinstance(result, Rejected) and result.stage is Stage.MAIL:
            self.ledger.sender_refused = str(result.code)
        elif isinstance(result, Accepted):
            self.ledger.sender_refused = None
