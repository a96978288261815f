"""A platform of its own with a town in it, and Chromium before it."""

import os
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Browser as Chromium, BrowserContext, async_playwright

from emon_operator.demo_client import Browser, Mailbox

from tests.dashboard.town import Town, found_town
from tests.dashboard.walk import DESK, HEIGHT, Walk
from tests.end_to_end.conftest import HERE, World, register_record
from tests.end_to_end.platform_process import PlatformProcess, emon, sign_in

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", "--disable-quic",
]  # fmt: skip

NewWalk = Callable[..., Awaitable[Walk]]


@pytest.fixture(scope="session")
async def platform_process(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[PlatformProcess]:
    folder = tmp_path_factory.mktemp("platform")
    process = PlatformProcess(folder / "home", EMON_ADMIN_EMAIL="leitung@example.org")
    await process.start()
    register = folder / "register.txt"
    register.write_text(register_record(HERE, "Musterlingen") + "\n" + register_record("08999102", "Anderswo") + "\n")
    code, output = await emon("import", "municipalities", str(register), home=process.home)
    assert code == 0, output
    yield process
    await process.stop()


@pytest.fixture(scope="session")
async def world(platform_process: PlatformProcess) -> AsyncGenerator[World]:
    where = platform_process.where
    async with Browser(where.gateway_url) as visitor, Mailbox(where.mail_url) as mailbox:
        yield World(platform_process, visitor, mailbox, await sign_in(visitor, mailbox, where.admin_email))


@pytest.fixture(scope="session")
async def town(world: World) -> Town:
    return await found_town(world)


@pytest.fixture(scope="session")
async def chromium() -> AsyncGenerator[Chromium]:
    executable = os.environ.get("EMON_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        pytest.skip("no Chromium on this machine: install it (apt-get install chromium), or name it in EMON_CHROMIUM")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def sessions() -> dict[str, str]:
    """Access tokens by address, so that a person signs in once for all tests that do not sign out."""
    return {}


@pytest.fixture
async def new_walk(world: World, chromium: Chromium, sessions: dict[str, str]) -> AsyncGenerator[NewWalk]:
    """A window of its own: `await new_walk("coordinator@example.org")` is signed in already, without going through the pages."""
    contexts: list[BrowserContext] = []
    address = world.process.where.dashboard_url
    assert address is not None

    async def make(email: str | None = None, *, width: int = DESK, java_script: bool = True, **look: Any) -> Walk:
        context = await chromium.new_context(
            viewport={"width": width, "height": HEIGHT}, locale="de-DE", java_script_enabled=java_script, **look
        )
        context.set_default_timeout(10_000)
        contexts.append(context)
        if email is not None:
            token = sessions.get(email) or (await world.signed_in(email)).token
            assert token is not None
            sessions[email] = token
            await context.add_cookies(
                [
                    {
                        "name": "__Host-session", "value": token, "domain": "127.0.0.1", "path": "/", "secure": True,
                        "httpOnly": True, "sameSite": "Lax",
                    }
                ]
            )  # fmt: skip
        return await Walk.begin(context, address, world.mailbox)

    yield make
    for context in contexts:
        await context.close()
