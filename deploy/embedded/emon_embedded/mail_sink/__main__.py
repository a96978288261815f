"""`python -m emon_embedded.mail_sink --smtp-port N --http-port N --folder DIR [--host ADDRESS]`: runs until SIGTERM or SIGINT."""

import argparse
import asyncio
import signal
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from emon_embedded.mail_sink.http_api import api_routes
from emon_embedded.mail_sink.pages import not_found, page_routes
from emon_embedded.mail_sink.smtp import serve_smtp
from emon_embedded.mail_sink.store import MailStore
from emon_embedded.ports import LOOPBACK


def main() -> None:
    """Reads the arguments and serves."""
    parser = argparse.ArgumentParser(
        prog="emon_embedded.mail_sink", description="A mail server that keeps every mail and delivers none"
    )
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="where the mails are kept")
    parser.add_argument("--host", default=LOOPBACK, help="the address on which it listens")
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.host, arguments.smtp_port, arguments.http_port, arguments.folder))


async def serve(host: str, smtp_port: int, http_port: int, folder: Path) -> None:
    """Takes mails on one port and shows them on the other."""
    # uvicorn raises the signal that stopped it once more when it has ended; this one lets us end in our own order.
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, lambda: None)
    store = MailStore(folder)
    try:
        smtp = await serve_smtp(store, host, smtp_port)
        app = Starlette(routes=[*api_routes(store), *page_routes(store)], exception_handlers={HTTPException: not_found})
        await uvicorn.Server(
            uvicorn.Config(app, host=host, port=http_port, log_level="warning", timeout_graceful_shutdown=2)
        ).serve()
        smtp.close()
    finally:
        store.close()


if __name__ == "__main__":
    main()
