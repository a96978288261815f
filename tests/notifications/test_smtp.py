"""What becomes of mails when the server does whatever servers do."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from aiosmtpd import smtp as aiosmtpd
from aiosmtpd.controller import Controller

from emon_notifications.smtp import Accepted, Connection, InDoubt, NotSent, Outgoing, Rejected, Result, Stage

from tests.notifications.smtp_peer import Action, AfterNextCommand, Drop, Peer, Script, Silence, running_peer

STEP_BY_STEP = ()
PIPELINED = (b"PIPELINING",)
SHORT = {"command_seconds": 0.05, "final_dot_seconds": 0.05}
CONTENT = b"Subject: x\r\n\r\n.dot\r\n..two\r\nHello\r\n.\r\n"


def mails(count: int, content: bytes = CONTENT) -> list[Outgoing]:
    return [Outgoing(f"person{number}@example.org", content, "bounces@example.org", number) for number in range(count)]


async def send(peer: Peer, outgoing: Sequence[Outgoing], **times: float) -> list[Result]:
    """Sends over one connection; there is one result for each mail, in order."""
    connection = await Connection.connect(peer.settings(**times))
    try:
        return await send_over(connection, outgoing)
    finally:
        await connection.close()


async def send_over(connection: Connection, outgoing: Sequence[Outgoing]) -> list[Result]:
    results: list[tuple[Outgoing, Result]] = []
    await connection.send(outgoing, lambda mail, result: results.append((mail, result)))
    assert [mail for mail, _ in results] == list(outgoing)
    return [result for _, result in results]


def kinds(results: Sequence[Result]) -> list[str]:
    return [type(result).__name__ for result in results]


def script(actions: Mapping[tuple[int, str], Action], extensions: tuple[bytes, ...] = PIPELINED) -> Script:
    return Script(actions=actions, extensions=extensions)


@pytest.mark.parametrize("extensions", [PIPELINED, STEP_BY_STEP])
async def test_every_mail_arrives_once_and_unchanged(extensions: tuple[bytes, ...]) -> None:
    async with running_peer(Script(extensions=extensions)) as peer:
        results = await send(peer, mails(20))
    assert results == [Accepted("250 taken")] * 20
    assert peer.contents == dict.fromkeys(range(20), CONTENT)
    assert peer.commands[1:4] == ["MAIL FROM:<bounces@example.org>", "RCPT TO:<person0@example.org>", "DATA"]
    assert peer.commands[-1] == "QUIT"
    assert sum(command.startswith("RCPT") for command in peer.commands) == 20


async def test_the_next_mails_commands_come_with_the_content_before_them() -> None:
    held = {(number, "DOT"): AfterNextCommand(b"250 taken\r\n") for number in range(4)}
    async with running_peer(script(held)) as peer:
        assert kinds(await send(peer, mails(5))) == ["Accepted"] * 5


async def test_without_pipelining_each_command_waits_for_the_reply_before_it() -> None:
    async with running_peer(Script(extensions=STEP_BY_STEP)) as peer:
        await send(peer, mails(5))
    assert peer.came_ahead == 0


async def test_several_batches_go_over_one_connection() -> None:
    async with running_peer() as peer:
        connection = await Connection.connect(peer.settings())
        for _ in range(3):
            assert kinds(await send_over(connection, mails(2))) == ["Accepted"] * 2
        assert connection.usable
        await connection.close()
        assert not connection.usable
    assert len(peer.clients) == 1


async def test_a_mail_without_return_path_has_an_empty_one() -> None:
    async with running_peer() as peer:
        await send(peer, [Outgoing("person@example.org", CONTENT)])
    assert "MAIL FROM:<>" in peer.commands


@pytest.mark.parametrize("extensions", [PIPELINED, STEP_BY_STEP])
@pytest.mark.parametrize(
    ("step", "stage"), [("MAIL", Stage.MAIL), ("RCPT", Stage.RCPT), ("DATA", Stage.DATA), ("DOT", Stage.CONTENT)]
)
@pytest.mark.parametrize("code", [450, 451, 452, 550, 552])
async def test_a_refusal_concerns_that_mail_alone(extensions: tuple[bytes, ...], step: str, stage: Stage, code: int) -> None:
    refusal = b"%d-no\r\n%d sorry\r\n" % (code, code)
    actions: dict[tuple[int, str], Action] = {(1, step): refusal}
    if step == "MAIL":
        actions |= {(1, "RCPT"): b"503 need MAIL\r\n", (1, "DATA"): b"503 need MAIL\r\n"}
    if step == "RCPT":
        actions |= {(1, "DATA"): b"554 no valid recipients\r\n"}
    async with running_peer(script(actions, extensions)) as peer:
        results = await send(peer, mails(3))
    assert results[1] == Rejected(code, f"{code} no sorry", stage, permanent=code >= 500)
    assert kinds(results) == ["Accepted", "Rejected", "Accepted"]
    assert set(peer.contents) == ({0, 1, 2} if step == "DOT" else {0, 2})
    assert ("RSET" in peer.commands) is (step != "DOT")


async def test_a_refused_recipient_whose_data_is_let_through_gets_a_lone_dot_and_no_content() -> None:
    async with running_peer(script({(1, "RCPT"): b"550 unknown\r\n", (1, "DOT"): b"554 no recipients\r\n"})) as peer:
        results = await send(peer, mails(3))
    assert kinds(results) == ["Accepted", "Rejected", "Accepted"]
    assert isinstance(results[1], Rejected)
    assert results[1].stage is Stage.RCPT
    assert peer.contents == {0: CONTENT, 1: b"", 2: CONTENT}


@pytest.mark.parametrize("extensions", [PIPELINED, STEP_BY_STEP])
@pytest.mark.parametrize(("step", "outcome"), [("MAIL", "NotSent"), ("RCPT", "NotSent"), ("DATA", "NotSent"), ("DOT", "InDoubt")])
@pytest.mark.parametrize("action", [Drop(), Silence(), b"Hello, world\r\n", b"199 hm\r\n", b"x" * 5000])
async def test_after_a_drop_silence_or_nonsense_only_the_final_dot_leaves_doubt(
    extensions: tuple[bytes, ...], step: str, outcome: str, action: Action
) -> None:
    async with running_peer(script({(1, step): action}, extensions)) as peer:
        results = await send(peer, mails(4), **SHORT if isinstance(action, Silence) else {})
    assert kinds(results)[0] == "Accepted"
    assert kinds(results)[1:] == [outcome, "NotSent", "NotSent"]
    assert set(peer.contents) == ({0, 1} if step == "DOT" else {0})


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "DOT"])
async def test_after_421_nothing_more_is_sent(step: str) -> None:
    async with running_peer(script({(1, step): b"421 4.3.2 shutting down\r\n"})) as peer:
        results = await send(peer, mails(3))
    # At MAIL the farewell may have been on its way before we wrote: it says nothing about the mail.
    if step == "MAIL":
        assert results[1] == NotSent("421 4.3.2 shutting down")
    else:
        assert results[1] == Rejected(
            421, "421 4.3.2 shutting down", Stage[step if step != "DOT" else "CONTENT"], permanent=False
        )
    assert results[2] == NotSent("421 4.3.2 shutting down")


async def test_a_farewell_between_batches_leaves_the_next_one_unsent() -> None:
    async with running_peer() as peer:
        connection = await Connection.connect(peer.settings())
        await send_over(connection, mails(1))
        peer.clients[0].write(b"421 idle for too long\r\n")
        peer.clients[0].close()
        assert kinds(await send_over(connection, mails(2))) == ["NotSent"] * 2
        assert not connection.usable
        await connection.close()


@pytest.mark.parametrize("reply", [b"250 fine\r\n", b"220 ready\r\n"])
async def test_anything_but_354_keeps_the_content_here(reply: bytes) -> None:
    async with running_peer(script({(0, "DATA"): reply})) as peer:
        assert kinds(await send(peer, mails(2))) == ["NotSent"] * 2
    assert peer.contents == {}


async def test_354_after_the_final_dot_leaves_doubt() -> None:
    async with running_peer(script({(0, "DOT"): b"354 go on\r\n"})) as peer:
        assert kinds(await send(peer, mails(2))) == ["InDoubt", "NotSent"]


async def test_a_reply_that_comes_too_late_changes_nothing() -> None:
    async with running_peer(script({(0, "DOT"): Silence()})) as peer:
        connection = await Connection.connect(peer.settings(**SHORT))
        results: list[Result] = []
        await connection.send(mails(1), lambda _, result: results.append(result))
        peer.clients[0].write(b"250 taken\r\n")
        await connection.close()
    assert results == [InDoubt("no reply to CONTENT in time")]


def large_content(octets: int) -> bytes:
    return b"Subject: x\r\n\r\n" + b"a line of content\r\n" * (octets // 19)


async def test_large_content_arrives_whole() -> None:
    content = large_content(8_000_000)
    async with running_peer() as peer:
        assert kinds(await send(peer, mails(2, content))) == ["Accepted"] * 2
    assert peer.contents == {0: content, 1: content}


async def test_a_drop_within_large_content_leaves_no_doubt_since_its_end_was_not_written() -> None:
    async with running_peer(Script(drop_after_received=3_000)) as peer:
        assert kinds(await send(peer, mails(2, large_content(30_000_000)))) == ["NotSent"] * 2


async def test_a_server_that_stops_reading_large_content_is_given_up_without_doubt() -> None:
    async with running_peer(Script(after_354=b"")) as peer:
        connection = await Connection.connect(peer.settings(**SHORT))
        peer.clients[0].transport.pause_reading()  # type: ignore[attr-defined]
        assert kinds(await send_over(connection, mails(2))) == ["NotSent"] * 2
        await connection.close()


async def test_a_refusal_in_the_middle_of_large_content_counts() -> None:
    async with running_peer(Script(after_354=b"552 too large\r\n")) as peer:
        results = await send(peer, mails(2, large_content(30_000_000)))
    assert results[0] == Rejected(552, "552 too large", Stage.CONTENT, permanent=True)
    assert isinstance(results[1], NotSent)


async def test_a_cancelled_batch_still_gives_each_mail_its_result() -> None:
    async with running_peer(script({(1, "DOT"): Silence()})) as peer:
        connection = await Connection.connect(peer.settings())
        results: list[Result] = []
        first = asyncio.Event()

        def note(_: Outgoing, result: Result) -> None:
            results.append(result)
            first.set()

        sending = asyncio.create_task(connection.send(mails(3), note))
        await first.wait()
        while 1 not in peer.contents:
            await asyncio.sleep(0)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await connection.close()
    assert kinds(results) == ["Accepted", "InDoubt", "NotSent"]


async def test_a_mistake_in_the_callback_comes_out_of_send() -> None:
    def fail(_: Outgoing, __: Result) -> None:
        raise LookupError("a mistake")

    async with running_peer() as peer:
        connection = await Connection.connect(peer.settings())
        with pytest.raises(LookupError):
            await connection.send(mails(2), fail)
        await connection.close()


@pytest.mark.parametrize("extensions", [PIPELINED, STEP_BY_STEP])
async def test_wherever_the_server_stops_reading_no_mail_it_has_is_called_unsent(extensions: tuple[bytes, ...]) -> None:
    outgoing = mails(3, b"Subject: x\r\n\r\nHello\r\n")
    one_mail = len("MAIL FROM:<bounces@example.org>\r\nRCPT TO:<person0@example.org>\r\nDATA\r\n.\r\n") + len(outgoing[0].content)
    seen: set[str] = set()
    for octets in range(1, 3 * one_mail + 1, 3):
        async with running_peer(Script(extensions=extensions, drop_after_received=octets)) as peer:
            results = await send(peer, outgoing)
        _demand_truth(peer, results)
        seen |= set(kinds(results))
    assert seen == {"Accepted", "NotSent", "InDoubt"}


@pytest.mark.parametrize("extensions", [PIPELINED, STEP_BY_STEP])
async def test_wherever_the_server_stops_answering_no_mail_it_has_is_called_unsent(extensions: tuple[bytes, ...]) -> None:
    seen: set[str] = set()
    for octets in range(1, 3 * 66, 3):
        async with running_peer(Script(extensions=extensions, drop_after_replied=octets)) as peer:
            results = await send(peer, mails(3, b"Subject: x\r\n\r\nHello\r\n"))
        _demand_truth(peer, results)
        seen |= set(kinds(results))
    assert seen == {"Accepted", "NotSent", "InDoubt"}


def _demand_truth(peer: Peer, results: Sequence[Result]) -> None:
    """At most one mail is in doubt, what is called unsent is not there, and what is called accepted was answered."""
    assert kinds(results).count("InDoubt") <= 1
    for number, result in enumerate(results):
        assert not isinstance(result, Rejected)
        if isinstance(result, NotSent):
            assert number not in peer.contents
        if isinstance(result, Accepted):
            assert number in peer.replied_to_dot


class _Keep:
    def __init__(self) -> None:
        self.envelopes: list[aiosmtpd.Envelope] = []

    async def handle_DATA(self, _server: aiosmtpd.SMTP, _session: aiosmtpd.Session, envelope: aiosmtpd.Envelope) -> str:
        self.envelopes.append(envelope)
        return "250 kept"


async def test_another_server_takes_the_same_mails() -> None:
    keep = _Keep()
    controller = Controller(keep, hostname="127.0.0.1", port=0)
    server = await asyncio.get_running_loop().create_server(controller.factory, "127.0.0.1", 0)
    async with server:
        settings = Peer(server.sockets[0].getsockname()[1], Script()).settings()
        connection = await Connection.connect(settings)
        assert await send_over(connection, mails(5)) == [Accepted("250 kept")] * 5
        await connection.close()
    assert [envelope.content for envelope in keep.envelopes] == [CONTENT] * 5
    assert [envelope.rcpt_tos for envelope in keep.envelopes] == [[f"person{number}@example.org"] for number in range(5)]
