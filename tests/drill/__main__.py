"""The drill: a day of an operations team, on containers. `python -m tests.drill [--seed 4711] [--previous COMMIT]`.

Images of two versions are built; the older one is started and used, its containers are killed, it is updated, brought back and
updated again, backed up, destroyed and restored; then the auditor looks. Every step's time is printed. Needs a Docker engine and
compose. Ends with 1 where something was lost or doubled, and leaves the containers for whoever wants to know why.
"""

import argparse
import asyncio
import json
import pickle
import random
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from emon_embedded.ports import free_ports
from emon_embedded.services import ADMIN_EMAIL_DEFAULT, SERVICES
from emon_operator.backup.manifest import Manifest
from emon_operator.demo_client import Browser
from emon_operator.doctor.findings import Level

from tests.drill.containers import IMAGES, ROOT, CommandFailed, Containers, run
from tests.drill.mail_log import MailLog, followed_mail_log
from tests.drill.restored import decided_by_log, evidence_after
from tests.end_to_end.conftest import register_record
from tests.faults.audit.records import Decisions, Evidence, Promises
from tests.faults.audit.sources import taken_mails
from tests.faults.auditor import Report, audit
from tests.faults.soak.__main__ import SETTINGS, mediation, say
from tests.faults.soak.asking import Asking
from tests.faults.soak.deeds import Deed, Part
from tests.faults.soak.mailboxes import Mailboxes
from tests.faults.soak.plan import Plan, plan_of
from tests.faults.soak.resonance import Resonance
from tests.faults.soak.town import AGS, Town
from tests.faults.soak.workload import Workload

BEFORE, NOW = "drill-before", "drill-now"
WORKS_FOR_S = 3600.0  # longer than any drill: it is paused, and goes on
KILL_PAUSES_S = (2.0, 6.0)
NEVER_KILLED = {"mail"}  # the world outside
AFTER_THE_BACKUP_S = 15.0
OF_THE_SINK = {"EMON_MAIL_FROM", "mail:1025"}
"""What the doctor rightly says where mail goes to a sink: an address of nobody, and no TLS on the way."""


class DrillFailed(Exception):
    """Something was lost, doubled, or did not come true; the message says what."""


@dataclass
class Steps:
    """What was done, and how long each took."""

    done: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])

    @asynccontextmanager
    async def __call__(self, what: str) -> AsyncGenerator[None]:
        """A step, with its time."""
        say(f"… {what}")
        begun = time.monotonic()
        yield
        self.done.append((what, time.monotonic() - begun))
        say(f"{self.done[-1][1]:7.1f} s  {what}")

    def __str__(self) -> str:
        return "\n".join(f"{seconds:7.1f} s  {what}" for what, seconds in [*self.done, ("all", sum(s for _, s in self.done))])


@dataclass
class Drill:
    """One drill. `before` is the checkout of the older version."""

    plan: Plan
    platform: Containers
    before: Path
    steps: Steps = field(default_factory=Steps)

    async def build(self) -> None:
        """Both versions; what holds the data is of the newer one from the beginning."""
        async with self.steps("build the images of this version"):
            say(await self._built(ROOT, NOW))
        async with self.steps("build the images of the version before"):
            await run([sys.executable, "services/dashboard/bundle_assets.py"], self.before, {})
            say(await self._built(self.before, BEFORE, *(service.name for service in SERVICES), "operator"))

    async def _built(self, checkout: Path, tag: str, *images: str) -> str:
        return (await run(["deploy/containers/build", *images], checkout, {"EMON_TAG": tag})).text

    async def live(self) -> None:
        """Everything until the platform is lost, and what comes after."""
        async with self.steps("start the version before"):
            await self.platform.make_secrets()
            await self.platform.start()
        async with followed_mail_log(self.platform.mail_url) as log, Browser(self.platform.gateway_url) as visitor:
            async with self.steps("a town moves in"):
                workload = await self._town(log, visitor)
            async with self._load(workload):
                await self._demo("play the demonstration under load")
                await self._kill()
                await self._to(ROOT, NOW, "update under load, service by service")
                await self._to(self.before, BEFORE, "bring it back to the version before, under load")
                await self._to(ROOT, NOW, "update again, under load")
            async with self.steps("come to rest, and audit"):
                _judge(audit(await self._evidence(log.mails_taken(), workload.promises), self.plan.seed), workload)
            async with self._load(workload):
                async with self.steps("back up under load"):
                    say(await self.platform.emon("backup", "/drill/backup", "--keys", "/drill/keys.json"))
                    say(await self.platform.emon("verify", "/drill/backup"))
                await asyncio.sleep(AFTER_THE_BACKUP_S)
            async with self.steps("come to rest after the backup, and audit"):
                await self._somebody_erases_themself(workload)
                say(await self.platform.emon("erasures", "export", "/drill/erasures.jsonl"))
                lost = await self._evidence(log.mails_taken(), workload.promises)
                _judge(audit(lost, self.plan.seed), workload)
        async with self.steps("destroy everything"):
            await self.platform.remove()
        await self._restore(lost)

    async def _town(self, log: MailLog, visitor: Browser) -> Workload:
        register = self.platform.folder / "register.txt"
        register.write_text(register_record(AGS, "Musterlingen") + "\n", encoding="utf-8")
        await self.platform.emon("import", "municipalities", "/drill/register.txt")
        mailboxes = Mailboxes(log)
        admin = await mailboxes.sign_in(visitor, ADMIN_EMAIL_DEFAULT)
        town = Town(visitor, admin, Asking(self.plan.seed))
        workload = Workload(self.plan, town, mailboxes, Resonance(town, _no_database))
        await workload.begin()
        await self._quiet()
        await workload.sign_in()
        return workload

    @asynccontextmanager
    async def _load(self, workload: Workload) -> AsyncGenerator[None]:
        """People use the platform while this lasts."""
        working = asyncio.create_task(workload.run())
        try:
            yield
        finally:
            workload.pause()
            await working
        say(f"people did {sum(workload.done.values())} things, asked again {sum(workload.town.asking.retried.values())} times")

    async def _demo(self, title: str) -> None:
        async with self.steps(title):
            await self.platform.emon("demo")

    async def _kill(self) -> None:
        chance = random.Random(f"{self.plan.seed}/containers")
        running = await self.platform.running()
        victims = sorted(running.keys() - NEVER_KILLED)
        chance.shuffle(victims)
        async with self.steps(f"kill containers under load: {', '.join(victims)}"):
            for victim in victims:
                await asyncio.sleep(chance.uniform(*KILL_PAUSES_S))
                await self.platform.kill(running[victim])  # a container that is started again keeps its id
            await self.platform.start()

    async def _to(self, checkout: Path, tag: str, title: str) -> None:
        async with self.steps(title):
            self.platform.checkout, self.platform.tag = checkout, tag
            # The newer version's command for both ways: it is what an operator has who goes back.
            await run([str(ROOT / "deploy/containers/update"), tag], ROOT, self.platform.environment)

    async def _quiet(self) -> None:
        said = (await self.platform.look_inside("quiet")).text.strip()
        if said:
            say(said)

    async def _somebody_erases_themself(self, workload: Workload) -> None:
        """So that there is somebody whom a backup must not bring back."""
        erased = workload.promises.erased
        authors = [guest for guest in self.plan.guests if guest.part is Part.AUTHOR]
        await workload.erase(next(guest for guest in authors if UUID(workload.town.person(guest)) not in erased))

    async def _evidence(self, taken: Sequence[bytes], promises: Promises, decisions: Decisions | None = None) -> Evidence:
        await self._quiet()
        evidence: Evidence = pickle.loads((await self.platform.look_inside("evidence")).output)  # noqa: S301
        return replace(evidence, taken=taken_mails(taken), promises=promises, decisions=decisions or Decisions())

    async def _restore(self, lost: Evidence) -> None:
        manifest = Manifest.model_validate_json((self.platform.folder / "backup" / "manifest.json").read_bytes())
        async with self.steps("restore onto a new PostgreSQL and a new Kafka"):
            await self.platform.start("postgresql", "kafka", "mail")
            await self.platform.compose("run", "--rm", "-T", "--no-deps", "provision")
            said = await self.platform.emon("restore", "/drill/backup", "--erasures", "/drill/erasures.jsonl")
            say(said)
            if "0 people who were erased since" in said:
                raise DrillFailed("whoever was erased after the backup is back")
            restored_at = datetime.now(UTC)
            await self.platform.start()
        async with followed_mail_log(self.platform.mail_url) as log, Browser(self.platform.gateway_url) as visitor:
            async with self.steps("look through what is held"):
                held = await self._evidence(log.mails_taken(), Promises())
                if unasked := [mail for mail in held.taken if mail.kind != "sign_in"]:
                    raise DrillFailed(f"{len(unasked)} mails went out before anybody looked at what was held")
                admin = await Mailboxes(log).sign_in(visitor, ADMIN_EMAIL_DEFAULT)
                decisions = await self._decide(admin, held, lost)
            await self._demo("play the demonstration on the restored platform")
            async with self.steps("compare the databases, and audit"):
                now = await self._evidence(log.mails_taken(), Promises(), decisions)
                say(await self.platform.emon("verify"))
                evidence = evidence_after(lost, now, lost.taken, manifest.taken_at, restored_at)
                _judge(audit(evidence, self.plan.seed))
            async with self.steps("examine it"):
                await self._examine()

    async def _examine(self) -> None:
        found = json.loads(
            await self.platform.emon("doctor", "--json", "--skip", "dns", expected=[int(level) for level in Level])
        )
        wrong = [item for item in found["findings"] if item["level"] != "ok"]
        for item in wrong:
            say(f"{item['level']}: {item['where']}: {item['what']}")
        if others := [item for item in wrong if item["level"] == "problem" and item["where"] not in OF_THE_SINK]:
            raise DrillFailed(f"the doctor found {len(others)} problems that no drill brings about")

    async def _decide(self, admin: Browser, held: Evidence, lost: Evidence) -> Decisions:
        waiting = [delivery for delivery in held.deliveries if delivery.status == "held"]
        known = {attempt.mail_id for attempt in held.attempts}
        decisions = decided_by_log(waiting, lost.events, [mail for mail in lost.taken if mail.mail_id not in known])
        for verb, deliveries in (("release", decisions.released), ("cancellation", decisions.cancelled)):
            for delivery in deliveries:
                await admin.post(f"/v1/deliveries/{delivery}/{verb}", None, expected=200)
        say(f"{len(decisions.released)} released, {len(decisions.cancelled)} cancelled, since the mail server took them")
        return decisions


def _judge(report: Report, workload: Workload | None = None) -> None:
    say(str(report))
    given_up = workload.given_up if workload is not None else []
    if report.violations or given_up:
        raise DrillFailed("\n".join(["the auditor found what is above", *given_up]))


def _no_database() -> str:
    raise DrillFailed("nobody puts back a clock in a drill")


def plan_of_drill(seed: int) -> Plan:
    """What people do, without what only a database could do for them; what breaks is the drill's own."""
    plan = plan_of(seed, WORKS_FOR_S)
    return replace(plan, operations=tuple(item for item in plan.operations if item.deed is not Deed.LET_PASS), faults=())


async def drill(seed: int, previous: str, folder: Path) -> Steps:
    """All of it. Raises DrillFailed and CommandFailed."""
    before = folder / "before"
    before.mkdir()
    archive = folder / "before.tar"
    await run(["git", "archive", "--output", str(archive), previous], ROOT, {})
    await run(["tar", "--extract", "--file", str(archive), "--directory", str(before)], ROOT, {})
    shared = folder / "shared"
    shared.mkdir()
    parts = {name: f"{IMAGES}/{name.lower()}:{NOW}" for name in ("postgresql", "kafka", "mail-sink")}
    plan = plan_of_drill(seed)
    settings = {
        **{name: value for name, value in (SETTINGS | mediation(plan)).items() if name != "EMON_ADMIN_EMAIL"},
        "EMON_POSTGRES_IMAGE": parts["postgresql"],
        "EMON_KAFKA_IMAGE": parts["kafka"],
        "EMON_MAIL_IMAGE": parts["mail-sink"],
    }
    [gateway, dashboard, mail] = free_ports(3)
    platform = Containers(shared, before, BEFORE, (gateway, dashboard, mail), settings)
    played = Drill(plan, platform, before)
    await played.build()
    await platform.remove()  # what a drill left that failed
    await played.live()
    async with played.steps("remove everything"):
        await platform.remove()
    return played.steps


def main() -> int:
    """The command line. Answers the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.drill", description="A day of an operations team, on containers")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--previous", default="HEAD~1", help="The commit that is updated from")
    arguments = parser.parse_args()
    seed = secrets.randbelow(10**6) if arguments.seed is None else arguments.seed
    folder = Path(tempfile.mkdtemp(prefix="emon-drill-"))
    folder.chmod(0o755)  # what a container reads of it is not its owner's
    say(f"seed {seed}")
    try:
        steps = asyncio.run(drill(seed, arguments.previous, folder))
    except (DrillFailed, CommandFailed) as failure:
        say(f"{failure}\nFAILED. The containers are left as they are, and {folder}. Again: make drill SEED={seed}")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    say(f"\n{steps}\nAll is well: nothing lost, nothing doubled.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
