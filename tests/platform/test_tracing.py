"""What goes on with which trace, with and without somebody who collects."""

import asyncio
from collections.abc import AsyncGenerator, Callable

import pytest

from emon_platform import tracing
from emon_platform.http.asking import asking
from emon_platform.tracing import FLUSH_WITHIN_S, Kind, span

from tests.collector import Collector, Span, running_collector
from tests.polling import eventually

ONE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SAME = "00-4bf92f3577b34da6a3ce929d0e0e4736-aaaaaaaaaaaaaaaa-01"
OTHER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = ONE[:-2] + "00"

Collect = Callable[[str], None]


def trace_of(traceparent: str) -> str:
    return traceparent.split("-")[1]


@pytest.fixture
async def collector() -> AsyncGenerator[Collector]:
    async with running_collector() as found:
        yield found


@pytest.fixture
async def collect(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Collect]:
    """Has this process send its spans to a URL."""
    monkeypatch.setattr(tracing, "_collecting", None)

    def begin(url: str) -> None:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        tracing.configure("test")

    yield begin
    await tracing.flush()


async def spans_of(collector: Collector, count: int) -> list[Span]:
    async def spans() -> list[Span]:
        return collector.spans

    return await eventually(spans, lambda found: len(found) == count)


@pytest.mark.parametrize("causes", [[ONE], [ONE, SAME], [None, ONE, "nonsense"]])
@pytest.mark.parametrize("is_on", [False, True])
async def test_what_one_trace_caused_goes_on_with_it(
    causes: list[str | None], is_on: bool, collector: Collector, collect: Collect
) -> None:
    if is_on:
        collect(collector.url)
    with span("work", Kind.CONSUMER, {}, causes=causes) as step:
        assert (step.trace_id, step.is_sampled) == (trace_of(ONE), True)
        assert tracing.current_traceparent() == step.traceparent != ONE
    assert tracing.current_traceparent() is None


@pytest.mark.parametrize(
    "causes", [[], ["nonsense"], ["00-" + "0" * 32 + "-00f067aa0ba902b7-01"], [ONE.replace("00-", "ff-", 1)]]
)
@pytest.mark.parametrize("is_on", [False, True])
async def test_what_nothing_caused_begins_a_trace(
    causes: list[str | None], is_on: bool, collector: Collector, collect: Collect
) -> None:
    if is_on:
        collect(collector.url)
    with span("work", Kind.SERVER, {}, causes=causes) as step:
        assert step.trace_id not in (trace_of(ONE), "0" * 32)


async def test_a_batch_with_several_causes_is_a_trace_of_its_own_linked_to_each(collector: Collector, collect: Collect) -> None:
    collect(collector.url)
    with span("process", Kind.CONSUMER, {}, causes=[ONE, OTHER, OTHER, SAME]) as step:
        assert step.trace_id not in (trace_of(ONE), trace_of(OTHER))
    await tracing.flush()
    [sent] = await spans_of(collector, 1)
    assert sent.linked_traces == {trace_of(ONE), trace_of(OTHER)}
    assert sent.parent_id == ""


async def test_a_trace_that_the_caller_does_not_sample_is_not_sent_and_goes_on_unsampled(
    collector: Collector, collect: Collect
) -> None:
    collect(collector.url)
    with span("work", Kind.SERVER, {}, causes=[UNSAMPLED]), asking("GET", "http://127.0.0.1:8000") as asked:
        assert asked.headers["traceparent"].startswith(f"00-{trace_of(ONE)}-")
        assert asked.headers["traceparent"].endswith("-00")
    with span("other", Kind.SERVER, {}, causes=[ONE]):
        pass
    await tracing.flush()
    [sent] = await spans_of(collector, 1)
    assert sent.name == "other"


async def test_a_failure_is_told_by_its_kind_and_never_by_its_words(collector: Collector, collect: Collect) -> None:
    collect(collector.url)
    with pytest.raises(LookupError), span("work", Kind.SERVER, {}, causes=[ONE]):
        raise LookupError("kim@example.org")
    await tracing.flush()
    [sent] = await spans_of(collector, 1)
    assert sent.failed
    assert sent.attributes == {"error.type": "LookupError"}
    assert "kim" not in collector.texts[0]


async def test_a_collector_that_never_answers_holds_up_no_end(collect: Collect) -> None:
    writers: list[asyncio.StreamWriter] = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await reader.read()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    collect(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    with span("work", Kind.SERVER, {}, causes=[ONE]):
        pass
    async with asyncio.timeout(FLUSH_WITHIN_S + 5):  # the exporter by itself tries for a minute
        await tracing.flush()
    server.close()
    for writer in writers:  # so that the thread that still waits ends
        writer.close()


def test_nobody_asks_in_the_name_of_no_trace() -> None:
    with asking("GET", "http://127.0.0.1:8000") as asked:
        asked.answered(200)
    assert asked.headers == {}
