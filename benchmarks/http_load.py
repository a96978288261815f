"""A client that asks as fast as it is answered: bytes made beforehand, one request under way on each connection."""

import asyncio
import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

CONNECTIONS = 32
_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length: "


@dataclass(frozen=True, slots=True)
class Load:
    """What a server made of it. `first_byte_s`: from each request to the first byte of its answer."""

    answers_per_second: float
    first_byte_s: Sequence[float]


class _Connection(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], deadline: float) -> None:
        self._requests = requests
        self._deadline = deadline
        self._received = bytearray()
        self._asked_at = 0.0
        self.first_byte_s: list[float] = []
        self.answers = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def _ask(self) -> None:
        self._transport.write(next(self._requests))
        self._asked_at = time.perf_counter()

    def data_received(self, data: bytes) -> None:
        if not self._received:
            self.first_byte_s.append(time.perf_counter() - self._asked_at)
        self._received += data
        end_of_head = self._received.find(_END_OF_HEAD)
        if end_of_head < 0:
            return
        head = bytes(self._received[:end_of_head]).lower()
        at = head.index(_LENGTH) + len(_LENGTH)
        length = int(head[at:].split(b"\r\n", 1)[0])
        if len(self._received) < end_of_head + len(_END_OF_HEAD) + length:
            return
        if not head.startswith(b"http/1.1 200"):
            self._fail(head.split(b"\r\n", 1)[0].decode())
            return
        self._received.clear()
        self.answers += 1
        if time.perf_counter() < self._deadline:
            self._ask()
        elif not self.done.done():
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail("the connection was lost")

    def _fail(self, reason: str) -> None:
        if not self.done.done():
            self.done.set_exception(RuntimeError(reason))


async def load(
    port: int, headers: Mapping[str, str], paths: Sequence[str], seconds: float, connections: int = CONNECTIONS
) -> Load:
    """Asks for the paths in turn for so long. Raises RuntimeError for any answer but 200."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in {"Host": "127.0.0.1", **headers}.items())
    requests = itertools.cycle([f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode() for path in paths])
    loop = asyncio.get_running_loop()
    begun = time.perf_counter()
    opened = [
        (await loop.create_connection(lambda: _Connection(requests, begun + seconds), "127.0.0.1", port))
        for _ in range(connections)
    ]
    await asyncio.gather(*(protocol.done for _, protocol in opened))
    passed = time.perf_counter() - begun
    for transport, _ in opened:
        transport.close()
    answers = sum(protocol.answers for _, protocol in opened)
    return Load(answers / passed, [seconds for _, protocol in opened for seconds in protocol.first_byte_s])


async def answers_per_second(port: int, headers: Mapping[str, str], paths: Sequence[str], seconds: float) -> float:
    """How often it is answered where nothing else is asked for."""
    return (await load(port, headers, paths, seconds)).answers_per_second
