"""What breaks in a soak: processes are killed and stopped from outside, and the mail server misbehaves."""

import asyncio
import contextlib
import os
import signal
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.end_to_end.platform_process import PlatformProcess
from tests.faults.soak.faults import Fault, Mischief
from tests.notifications.mail_server import CONTENT, DATA, DROP, OBLIVION, RCPT, SILENCE, WITHIN_CONTENT, MailServer

FOUND_WITHIN_S = 10.0
LOOKED_FOR_EVERY_S = 0.1
USUAL_GREETING = "220 test ESMTP"
DOWN_GREETING = "421 4.3.2 out of order"

KILLED_SERVICES: Mapping[Mischief, str] = {
    Mischief.KILL_CONTACTS: "emon_contacts",
    Mischief.KILL_MEETINGS: "emon_meetings",
    Mischief.KILL_FEEDBACK: "emon_feedback",
    Mischief.KILL_NOTIFICATIONS: "emon_notifications",
    Mischief.KILL_GATEWAY: "emon_gateway",
}
PAUSED_SERVICES: Mapping[Mischief, str] = {
    Mischief.PAUSE_MEETINGS: "emon_meetings",
    Mischief.PAUSE_FEEDBACK: "emon_feedback",
    Mischief.PAUSE_NOTIFICATIONS: "emon_notifications",
}
KILLED_AT: Mapping[Mischief, str] = {
    Mischief.KILL_MAILER_AT_RCPT: RCPT,
    Mischief.KILL_MAILER_AT_DATA: DATA,
    Mischief.KILL_MAILER_WITHIN_CONTENT: WITHIN_CONTENT,
    Mischief.KILL_MAILER_AFTER_DOT: CONTENT,
}


@dataclass
class Trick:
    """What the mail server does at a step, for so many mails."""

    step: str
    mails: int
    play: Callable[[], str]


@dataclass
class Mischiefs:
    """Carries out faults, and counts those that struck."""

    platform: PlatformProcess
    mail_server: MailServer
    struck: Counter[str] = field(default_factory=Counter[str])
    _tricks: list[Trick] = field(default_factory=list[Trick])
    _stopped: set[int] = field(default_factory=set[int])
    _restarting: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.mail_server.script = self._script

    async def strike(self, fault: Fault) -> None:
        """Lets it happen; what lasts a while is over when this ends."""
        async with self._restarting:  # while everything is killed there is nothing else to kill
            if fault.mischief is Mischief.KILL_EVERYTHING:
                await self.platform.kill_everything()
                await self.platform.start()
                self.struck[fault.mischief.value] += 1
                return
        if await self._play(fault):
            self.struck[fault.mischief.value] += 1

    def calm_down(self) -> None:
        """Nothing breaks from here on."""
        self._tricks.clear()
        self.mail_server.greeting = USUAL_GREETING
        self.mail_server.break_silence()
        self._go_on(list(self._stopped))

    async def _play(self, fault: Fault) -> bool:
        mischief = fault.mischief
        if mischief in KILLED_SERVICES:
            return _kill((await self._service(KILLED_SERVICES[mischief]))[:1])
        if mischief in PAUSED_SERVICES:
            return await self._pause(await self._service(PAUSED_SERVICES[mischief]), fault.lasts_s)
        if mischief in KILLED_AT:
            return await self._once_played(KILLED_AT[mischief], 1, lambda: self._kill_mailer(keeps=fault.mails % 2 == 0))
        match mischief:
            case Mischief.KILL_KAFKA:
                return _kill(await self._found(self.platform.pids_of_kafka))
            case Mischief.PAUSE_KAFKA:
                return await self._pause(await self._found(self.platform.pids_of_kafka), fault.lasts_s)
            case Mischief.KILL_POSTGRESQL:
                return _kill((await self._found(self.platform.pids_of_postgresql))[:1])
            case Mischief.CRASH_POSTGRESQL:
                return _kill((await self._found(self.platform.pids_of_postgresql))[-fault.mails :][:1])
            case Mischief.PAUSE_POSTGRESQL:
                return await self._pause(await self._found(self.platform.pids_of_postgresql), fault.lasts_s)
            case _:
                return await self._mail_misbehaves(fault)

    async def _mail_misbehaves(self, fault: Fault) -> bool:
        match fault.mischief:
            case Mischief.MAIL_PUTS_OFF:
                return await self._once_played(fault.step, fault.mails, lambda: "451 4.3.0 later")
            case Mischief.MAIL_REFUSES:
                step = RCPT if fault.step == "MAIL" else fault.step  # of the sender it would be about everybody's mail
                return await self._once_played(step, 1, lambda: "554 5.7.1 not here")
            case Mischief.MAIL_DROPS:
                return await self._once_played(fault.step, 1, lambda: DROP)
            case Mischief.MAIL_KEEPS_SILENT | Mischief.MAIL_FORGETS_SILENT:
                answer = SILENCE if fault.mischief is Mischief.MAIL_KEEPS_SILENT else OBLIVION
                played = await self._once_played(CONTENT, 1, lambda: answer)
                await asyncio.sleep(fault.lasts_s)
                self.mail_server.break_silence()
                return played
            case _:
                self.mail_server.greeting = DOWN_GREETING
                self.mail_server.hang_up()
                await asyncio.sleep(fault.lasts_s)
                self.mail_server.greeting = USUAL_GREETING
                return True

    def _script(self, step: str, _recipient: str) -> str | None:
        for trick in self._tricks:
            if trick.step == step and trick.mails:
                trick.mails -= 1
                return trick.play()
        return None

    async def _once_played(self, step: str, mails: int, play: Callable[[], str]) -> bool:
        """Waits until mail went by on which the trick was played."""
        trick = Trick(step, mails, play)
        self._tricks.append(trick)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FOUND_WITHIN_S):
                while trick.mails:
                    await asyncio.sleep(LOOKED_FOR_EVERY_S)
        played = trick.mails < mails
        trick.mails = 0
        return played

    def _kill_mailer(self, *, keeps: bool) -> str:
        _kill(self.platform.pids_by_module().get("emon_notifications", []))
        return DROP if keeps else OBLIVION

    async def _service(self, module: str) -> list[int]:
        return await self._found(lambda: self.platform.pids_by_module().get(module, []))

    async def _found(self, look: Callable[[], list[int]]) -> list[int]:
        """The processes, once they run: a service that was killed a moment ago is on its way back."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FOUND_WITHIN_S):
                while not (found := look()):
                    await asyncio.sleep(LOOKED_FOR_EVERY_S)
                return found
        return []

    async def _pause(self, pids: Sequence[int], seconds: float) -> bool:
        self._stopped.update(pids)
        _signal(pids, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        self._go_on(pids)
        return bool(pids)

    def _go_on(self, pids: Sequence[int]) -> None:
        _signal(pids, signal.SIGCONT)
        self._stopped.difference_update(pids)


def _kill(pids: Sequence[int]) -> bool:
    _signal(pids, signal.SIGKILL)
    return bool(pids)


def _signal(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # ended meanwhile
            os.kill(pid, number)
