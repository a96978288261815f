"""The soak: a whole platform under a seeded workload, with everything breaking under it; then the auditor looks.

`python -m tests.faults.soak --seconds 60 [--seed 4711]`. Ends with 1 on a violation and leaves the home folder for whoever
wants to know why; a soak is played again by its seed.
"""

import argparse
import asyncio
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from emon_operator.demo_client import Browser

from tests.end_to_end.conftest import register_record
from tests.end_to_end.platform_process import PlatformProcess, emon, every_page
from tests.faults.audit.records import Decisions
from tests.faults.auditor import Report, audit, gather
from tests.faults.soak.asking import Asking
from tests.faults.soak.deeds import Part
from tests.faults.soak.mailboxes import Mailboxes, address
from tests.faults.soak.mischief import Mischiefs
from tests.faults.soak.plan import Plan, plan_of
from tests.faults.soak.quiet import Where, until_quiet
from tests.faults.soak.resonance import Resonance
from tests.faults.soak.town import AGS, Town
from tests.faults.soak.workload import Workload
from tests.notifications.mail_server import MailServer, running_mail_server

ADMIN_EMAIL = "leitung@example.org"
SETTINGS = {
    "EMON_ADMIN_EMAIL": ADMIN_EMAIL,
    # So that some are introduced by a mail of their own, and others by the invitation that comes first.
    "EMON_INTRODUCE_AFTER": "PT8S",
    # All that is said without a name comes from one address here.
    "EMON_RATE_OF_ANONYMOUS_FEEDBACK_PER_ADDRESS": "100000/hour",
}


def say(text: str) -> None:
    """To whoever watches."""
    print(text, flush=True)  # noqa: T201


async def soak(plan: Plan, home: Path) -> bool:
    """Runs the plan in a new home. Answers whether all was well."""
    async with running_mail_server() as mail_server:
        platform = PlatformProcess(home / "home", EMON_SMTP_URL=mail_server.url, **SETTINGS, **mediation(plan))
        try:
            await platform.start()
            register = home / "register.txt"
            register.write_text(register_record(AGS, "Musterlingen") + "\n")
            code, output = await emon("import", "municipalities", str(register), home=platform.home)
            if code:
                raise RuntimeError(f"the register could not be imported:\n{output}")
            async with Browser(platform.where.gateway_url) as visitor:
                mailboxes = Mailboxes(mail_server)
                admin = await mailboxes.sign_in(visitor, ADMIN_EMAIL)
                town = Town(visitor, admin, Asking(plan.seed))
                resonance = Resonance(town, lambda: platform.where.services["feedback"].database.worker_url)
                workload = Workload(plan, town, mailboxes, resonance)
                await workload.begin()
                # Whom the gateway does not know yet gets no link, and is not told.
                await until_quiet(Where.of(platform.where), say, all_are_introduced=False)
                await workload.sign_in()
                return await _soak(platform, mail_server, workload)
        finally:
            await platform.stop()


async def _soak(platform: PlatformProcess, mail_server: MailServer, workload: Workload) -> bool:
    plan = workload.plan
    mischiefs = Mischiefs(platform, mail_server)
    say(f"{len(plan.operations)} operations and {len(plan.faults)} faults in {plan.seconds:.0f} s; seed {plan.seed}")
    started = time.monotonic()
    async with asyncio.TaskGroup() as group:
        group.create_task(workload.run())
        group.create_task(_let_break(plan, mischiefs, started))
    mischiefs.calm_down()
    say(f"did {_counted(workload.done)} in {time.monotonic() - started:.0f} s")
    say(f"asked again after {_counted(workload.town.asking.retried)}")
    say(f"broke: {sum(mischiefs.struck.values())} times: {_counted(mischiefs.struck)}")
    problems = [f"not quiet: {item}" for item in await until_quiet(Where.of(platform.where), say)]
    problems += [f"given up: {item}" for item in workload.given_up]
    report = await _audited(platform, mail_server, workload, Decisions())
    say(f"quiet after {time.monotonic() - started:.0f} s\n{report}")
    all_is_well = not problems and not report.violations
    if all_is_well and report.count("uncertain"):
        decisions = await _staff_decide(workload.town.admin)
        problems += [f"not quiet: {item}" for item in await until_quiet(Where.of(platform.where), say)]
        report = await _audited(platform, mail_server, workload, decisions)
        say(f"after staff released {len(decisions.released)} and cancelled {len(decisions.cancelled)} in doubt:\n{report}")
    for problem in problems:
        say(problem)
    return not problems and not report.violations


async def _let_break(plan: Plan, mischiefs: Mischiefs, started: float) -> None:
    async with asyncio.TaskGroup() as group:
        for fault in plan.faults:
            await asyncio.sleep(max(0.0, started + fault.at_s - time.monotonic()))
            group.create_task(mischiefs.strike(fault))


async def _audited(platform: PlatformProcess, mail_server: MailServer, workload: Workload, decisions: Decisions) -> Report:
    where = Where.of(platform.where)
    evidence = await gather(
        where.bootstrap,
        where.worker_urls["notifications"],
        [mail.content for mail in mail_server.mails],
        worker_urls=where.worker_urls,
        decisions=decisions,
        promises=workload.promises,
    )
    return audit(evidence, workload.plan.seed)


async def _staff_decide(admin: Browser) -> Decisions:
    """Of what is in doubt, every second is sent once more and the others are not."""
    in_doubt = [UUID(item["id"]) for item in await every_page(admin, "/v1/deliveries?status=uncertain")]
    released, cancelled = in_doubt[::2], in_doubt[1::2]
    for delivery in released:
        await admin.post(f"/v1/deliveries/{delivery}/release", None, expected=200)
    for delivery in cancelled:
        await admin.post(f"/v1/deliveries/{delivery}/cancellation", None, expected=200)
    return Decisions(frozenset(released), frozenset(cancelled))


def mediation(plan: Plan) -> dict[str, str]:
    """Whom feedback goes to when nobody else acts on it, where there is somebody."""
    [mediator] = [guest for guest in plan.guests if guest.part is Part.MEDIATOR]
    return {"EMON_MEDIATOR_EMAIL": address(mediator) or ""} if plan.has_mediator else {}


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} × {what}" for what, count in sorted(counts.items())) or "nothing"


def main() -> int:
    """The command line. Answers the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description="A platform under fire, and the auditor")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    seed = secrets.randbelow(10**6) if arguments.seed is None else arguments.seed
    home = Path(tempfile.mkdtemp(prefix="emon-soak-"))
    all_is_well = False
    try:
        all_is_well = asyncio.run(soak(plan_of(seed, arguments.seconds), home))
    finally:
        if all_is_well:
            shutil.rmtree(home, ignore_errors=True)
        else:
            say(f"FAILED. Its data and logs: {home}. Again: make soak SECONDS={arguments.seconds:.0f} SEED={seed}")
    if all_is_well:
        say("All is well.")
    return 0 if all_is_well else 1


if __name__ == "__main__":
    sys.exit(main())
