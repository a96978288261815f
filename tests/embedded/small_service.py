"""A service as small as can be: `python -m small_service {migrate,all}`. It shows the environment that it was given."""

import asyncio
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import asyncpg


async def migrate() -> None:
    connection = await asyncpg.connect(os.environ["EMON_DATABASE_OWNER_URL"], ssl=False)
    await connection.execute("CREATE TABLE IF NOT EXISTS words (word text PRIMARY KEY)")
    await connection.close()


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        given = {key: value for key, value in os.environ.items() if key.startswith("EMON_")}
        content = json.dumps({"pid": os.getpid(), "environment": given}).encode()
        self.send_response(200 if self.path in {"/health/ready", "/environment"} else 404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


if __name__ == "__main__":
    if "SMALL_SERVICE_FAILS" in os.environ:
        sys.exit("this service was told to fail")
    if sys.argv[1] == "migrate":
        asyncio.run(migrate())
    else:
        servers = [
            ThreadingHTTPServer((os.environ[f"EMON_{port}_HOST"], int(os.environ[f"EMON_{port}_PORT"])), Answers)
            for port in ("SERVICE", "OPERATIONS")
        ]
        threading.Thread(target=servers[0].serve_forever).start()
        servers[1].serve_forever()
