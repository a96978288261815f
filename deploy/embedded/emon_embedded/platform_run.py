"""Runs the whole platform on this machine, from an empty folder to a running gateway, until it is told to stop."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from emon_embedded.artefacts import ArtefactUnusable, cache_folder, fetch
from emon_embedded.home import Home, HomeUnusable, open_home
from emon_embedded.home_lock import HomeInUse, hold_home
from emon_embedded.http_check import answers_200
from emon_embedded.platform_parts import Parts, Programs, assemble
from emon_embedded.ports import PortTaken, demand_free, free_ports
from emon_embedded.processes import CommandFailed, operator_environment, rotate, run_to_its_end
from emon_embedded.running_platform import RunningPlatform, announce, running_platform, withdraw
from emon_embedded.screen import Screen
from emon_embedded.service_databases import create_service_databases
from emon_embedded.services import SERVICES, Service
from emon_embedded.supervisor import StartFailed, Supervisor
from emon_embedded.unpacking import postgresql_program
from emon_embedded.unprivileged import NoUnprivilegedAccount, account_for_postgresql, open_the_way
from emon_platform.broker import ensure_topics
from emon_platform.kafka_access import KafkaAccess

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
EXPECTED_FAILURES = (ArtefactUnusable, CommandFailed, HomeInUse, HomeUnusable, NoUnprivilegedAccount, PortTaken, StartFailed)


class CannotRun(Exception):
    """The platform cannot be started, or a part of it did not become ready; the message is for the operator."""


@dataclass(frozen=True)
class Options:
    """What the operator chooses. Services and topics are the platform's own, unless a test says otherwise."""

    home: Path
    port: int
    mail_port: int
    dashboard_port: int
    services: tuple[Service, ...] = SERVICES
    prepare_broker: Callable[[KafkaAccess], Awaitable[None]] = ensure_topics
    environment: Mapping[str, str] = field(default_factory=operator_environment)


async def run_platform(options: Options, screen: Screen) -> None:
    """Starts everything, says where to look, and stops everything at SIGINT, SIGTERM or SIGHUP. Raises `CannotRun`."""
    running = asyncio.create_task(_start_and_wait(options, screen))
    told_to_stop = asyncio.Event()
    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)
    waiting = asyncio.create_task(told_to_stop.wait())
    await asyncio.wait((running, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not running.done():
        # Once only: a second Ctrl-C must not cut short what stops everything in order.
        screen.stop_fetching()
        running.cancel()
    try:
        await _without_cancellation(running)
        screen.say("Stopped.")
    except* EXPECTED_FAILURES as failures:
        raise CannotRun("\n".join(_messages(failures))) from failures


async def _without_cancellation(task: "asyncio.Task[None]") -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _start_and_wait(options: Options, screen: Screen) -> None:
    if (already := running_platform(options.home)) is not None:
        raise HomeInUse(
            f"The platform in {options.home} runs already, at {already.gateway_url} (process {already.supervisor_pid})."
        )
    home = open_home(options.home)
    async with hold_home(home, screen.say) as home_lock:
        _demand_ports(options)
        supervisor = Supervisor(screen.say)
        try:
            parts = await _prepare(home, home_lock, options, screen)
            with screen.moving():
                await _start(parts, supervisor, options, screen)
            announce(home, parts.as_running(os.getpid()))
            _greet(parts.as_running(os.getpid()), home, screen)
            await asyncio.Event().wait()
        finally:
            withdraw(home)
            await _stop(options, supervisor)


@contextlib.asynccontextmanager
async def stores_alone(folder: Path, screen: Screen) -> AsyncGenerator[RunningPlatform]:
    """PostgreSQL and Kafka of a home whose platform does not run, for as long as the block lasts. No service, no migration.

    Raises `CannotRun`.
    """
    gateway, mail, dashboard = free_ports(3)
    options = Options(home=folder, port=gateway, mail_port=mail, dashboard_port=dashboard)
    try:
        home = open_home(folder)
        async with hold_home(home, screen.say) as home_lock:
            supervisor = Supervisor(screen.say)
            try:
                parts = await _prepare(home, home_lock, options, screen)
                with screen.moving():
                    async with asyncio.TaskGroup() as group:
                        group.create_task(_start_databases(parts, supervisor, screen))
                        group.create_task(_start_kafka(parts, supervisor, options, screen))
                yield parts.as_running(os.getpid())
            finally:
                await _stop(options, supervisor)
    except EXPECTED_FAILURES as failure:
        raise CannotRun(str(failure)) from failure
    except ExceptionGroup as failures:
        raise CannotRun("\n".join(_messages(failures))) from failures


def _demand_ports(options: Options) -> None:
    wanted = {
        "the gateway": (options.port, "--port (EMON_PORT)"),
        "the mail page": (options.mail_port, "--mail-port (EMON_MAIL_PORT)"),
        "the dashboard": (options.dashboard_port, "--dashboard-port (EMON_DASHBOARD_PORT)"),
    }
    if len({port for port, _ in wanted.values()}) < len(wanted):
        settings = ", ".join(setting for _, setting in wanted.values())
        raise PortTaken(f"Gateway, mail page and dashboard need a port each. Choose others with {settings}.")
    for what, (port, setting) in wanted.items():
        demand_free(port, what, setting)


async def _prepare(home: Home, home_lock: int, options: Options, screen: Screen) -> Parts:
    """Fetches what is missing, and decides on ports and passwords."""
    cache = cache_folder(options.environment)
    account = account_for_postgresql()
    open_the_way(home.folder, account)
    binaries_below = None if account.user is None else home.postgresql
    jars = await asyncio.to_thread(fetch, "kafka", cache, screen.fetching)
    program = await asyncio.to_thread(postgresql_program, cache, screen.fetching, binaries_below)
    return assemble(
        home,
        Programs(postgresql=program, kafka_jars=tuple(jars), account=account),
        options.services,
        port=options.port,
        mail_port=options.mail_port,
        dashboard_port=options.dashboard_port,
        environment=options.environment,
        home_lock=home_lock,
    )


async def _start(parts: Parts, supervisor: Supervisor, options: Options, screen: Screen) -> None:
    """Everything in its order: what does not wait for each other starts at the same time."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_start_postgresql(parts, supervisor, screen))
        group.create_task(_start_kafka(parts, supervisor, options, screen))
        group.create_task(_start_sink(parts, supervisor, screen))
    async with asyncio.TaskGroup() as group:
        for service in parts.services:
            group.create_task(_start_service(service, parts, supervisor, screen))


async def _start_postgresql(parts: Parts, supervisor: Supervisor, screen: Screen) -> None:
    await _start_databases(parts, supervisor, screen)
    with screen.step("Migrations"):
        async with asyncio.TaskGroup() as group:
            for service in (service for service in parts.services if service.has_database):
                group.create_task(_migrate(service, parts))


async def _start_databases(parts: Parts, supervisor: Supervisor, screen: Screen) -> None:
    server = parts.postgresql
    with screen.step("PostgreSQL"):
        await server.initialise()
        server.forget_former_postmaster()  # We hold the home's lock, so no process of it lives.
        await supervisor.run(server.command(), server.is_ready)
    with screen.step("Databases"):
        with_database = tuple(service.name for service in parts.services if service.has_database)
        await create_service_databases(server.access, with_database, parts.passwords)


async def _migrate(service: Service, parts: Parts) -> None:
    command = parts.service_command(service, "migrate")
    rotate(command.log)
    await run_to_its_end(command)


async def _start_kafka(parts: Parts, supervisor: Supervisor, options: Options, screen: Screen) -> None:
    with screen.step("Kafka"):
        await parts.kafka.prepare()
        await supervisor.run(parts.kafka.command(), parts.kafka.is_ready)
    with screen.step("Topics"):
        await options.prepare_broker(KafkaAccess(parts.kafka.bootstrap_servers))


async def _start_sink(parts: Parts, supervisor: Supervisor, screen: Screen) -> None:
    with screen.step("Mail sink"):
        await supervisor.run(parts.sink.command(), parts.sink.is_ready)


async def _start_service(service: Service, parts: Parts, supervisor: Supervisor, screen: Screen) -> None:
    port = parts.around.operations_ports[service.name]
    with screen.step(service.name.capitalize()):
        await supervisor.run(parts.service_command(service, "all"), partial(answers_200, port, "/health/ready"))


async def _stop(options: Options, supervisor: Supervisor) -> None:
    """In the reverse order of the start."""
    await supervisor.stop(*(service.name for service in options.services))
    for name in ("mail-sink", "kafka", "postgresql"):
        await supervisor.stop(name)


def _greet(platform: RunningPlatform, home: Home, screen: Screen) -> None:
    screen.say(
        f"\nEmON is ready.\n"
        f"  Dashboard      {platform.dashboard_url}\n"
        f"  Gateway        {platform.gateway_url}\n"
        f"  Mails          {platform.mail_url}\n"
        f"  Administrator  {platform.admin_email} (signs in by a link that arrives by mail)\n"
        f"  Home           {home.folder}\n"
        f"Try `make demo` in another terminal. Ctrl-C here stops everything; the data stays.\n"
    )


def _messages(failures: BaseExceptionGroup[BaseException]) -> Iterator[str]:
    found: tuple[BaseException, ...] = failures.exceptions
    for failure in found:
        match failure:
            case BaseExceptionGroup():
                yield from _messages(failure)
            case _:
                yield str(failure)
