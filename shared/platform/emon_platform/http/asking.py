"""Around a request of ours to another service: its span, and the header with which the trace goes on there."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from emon_platform import tracing
from emon_platform.tracing import Attributes, Kind, Step


@dataclass(slots=True)
class Asked:
    """A request under way; `headers` go with it."""

    step: Step | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def answered(self, status: int) -> None:
        """What the other said."""
        if self.step is None:
            return
        self.step.note({"http.response.status_code": status})
        if status >= 400:
            self.step.fail(str(status))


@contextmanager
def asking(method: str, url: str) -> Generator[Asked]:
    """A request to the service at `url`. Outside a trace, such as for readiness, it belongs to none."""
    if tracing.current_traceparent() is None:
        yield Asked()
        return
    with tracing.span(method, Kind.CLIENT, _attributes(method, url) if tracing.is_on() else {}) as step:
        yield Asked(step, {"traceparent": step.traceparent})


def _attributes(method: str, url: str) -> Attributes:
    server = urlsplit(url)
    return {"http.request.method": method, "server.address": server.hostname or "", "server.port": server.port or 80}
