"""Setting up a connection: URL, greeting, encryption, sign-in, and what may be handed over at all."""

import ssl
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from emon_notifications.smtp import Accepted, ConnectFailed, Connection, Outgoing, Result, SmtpSettings, Tls
from emon_notifications.smtp.replies import SHOWN_CHARACTERS_MAX, Garbage, Reply, ReplyReader

from tests.certificates import self_signed
from tests.notifications.smtp_peer import Drop, Script, Silence, running_peer

CONTENT = b"Subject: x\r\n\r\nHello\r\n"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 with its key, signed by itself."""
    return self_signed(tmp_path_factory.mktemp("tls") / "peer.pem")


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def _send_one(settings: SmtpSettings) -> list[Result]:
    connection = await Connection.connect(settings)
    results: list[Result] = []
    await connection.send([Outgoing("person@example.org", CONTENT)], lambda _, result: results.append(result))
    await connection.close()
    return results


async def test_starttls_is_used_where_it_is_offered(server_tls: ssl.SSLContext) -> None:
    async with running_peer(Script(extensions=(b"PIPELINING", b"STARTTLS"), tls=server_tls)) as peer:
        assert await _send_one(peer.settings(tls=Tls.OPPORTUNISTIC)) == [Accepted("250 taken")]
    assert "STARTTLS" in peer.commands


async def test_a_certificate_that_is_trusted_is_enough_for_required_tls(
    server_tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with running_peer(Script(extensions=(b"STARTTLS",), tls=server_tls)) as peer:
        assert await _send_one(peer.settings(tls=Tls.REQUIRED)) == [Accepted("250 taken")]
    async with running_peer(Script(tls=server_tls), implicit_tls=True) as peer:
        assert await _send_one(peer.settings(tls=Tls.IMPLICIT)) == [Accepted("250 taken")]


async def test_large_content_goes_over_tls_too(server_tls: ssl.SSLContext) -> None:
    content = b"Subject: x\r\n\r\n" + b"a line of content\r\n" * 200_000
    async with running_peer(Script(extensions=(b"PIPELINING", b"STARTTLS"), tls=server_tls)) as peer:
        connection = await Connection.connect(peer.settings(tls=Tls.OPPORTUNISTIC))
        results: list[Result] = []
        mails = [Outgoing("person@example.org", content) for _ in range(2)]
        await connection.send(mails, lambda _, result: results.append(result))
        await connection.close()
    assert results == [Accepted("250 taken")] * 2
    assert peer.contents == {0: content, 1: content}


@pytest.mark.parametrize("implicit", [True, False])
async def test_a_certificate_that_nobody_vouches_for_is_refused(server_tls: ssl.SSLContext, *, implicit: bool) -> None:
    async with running_peer(Script(extensions=(b"STARTTLS",), tls=server_tls), implicit_tls=implicit) as peer:
        with pytest.raises(ConnectFailed) as failed:
            await Connection.connect(peer.settings(tls=Tls.IMPLICIT if implicit else Tls.REQUIRED))
    assert not failed.value.permanent


@pytest.mark.parametrize("tls", [Tls.REQUIRED, Tls.OPPORTUNISTIC])
@pytest.mark.parametrize("answer", [b"454 no TLS today\r\n", b"220 go on\r\nnonsense instead of TLS\r\n", Drop()])
async def test_where_starttls_fails_nothing_goes_over_the_open_line(tls: Tls, answer: bytes | Drop) -> None:
    async with running_peer(Script(extensions=(b"STARTTLS",), starttls=answer)) as peer:
        with pytest.raises(ConnectFailed):
            await Connection.connect(peer.settings(tls=tls, connect_seconds=0.3))
    assert not any(command.startswith("MAIL") for command in peer.commands)


async def test_required_tls_is_not_waived_where_it_is_not_offered() -> None:
    async with running_peer() as peer:
        with pytest.raises(ConnectFailed):
            await Connection.connect(peer.settings(tls=Tls.REQUIRED))


async def test_a_password_is_said_and_a_wrong_one_is_final() -> None:
    extensions = (b"PIPELINING", b"AUTH PLAIN")
    async with running_peer(Script(extensions=extensions)) as peer:
        assert await _send_one(peer.settings(username="user", password="secret")) == [Accepted("250 taken")]
    async with running_peer(Script(extensions=extensions, auth=b"535 5.7.8 no\r\n")) as peer:
        with pytest.raises(ConnectFailed) as failed:
            await Connection.connect(peer.settings(username="user", password="secret"))
    assert (failed.value.code, failed.value.permanent) == (535, True)
    assert "secret" not in str(failed.value)


@pytest.mark.parametrize(
    ("greeting", "permanent"), [(b"554 go away\r\n", True), (b"421 too many\r\n", False), (Drop(), False), (Silence(), False)]
)
async def test_a_greeting_that_refuses_or_does_not_come(greeting: bytes | Drop | Silence, *, permanent: bool) -> None:
    async with running_peer(Script(greeting=greeting)) as peer:
        with pytest.raises(ConnectFailed) as failed:
            await Connection.connect(peer.settings(connect_seconds=0.1))
    assert failed.value.permanent is permanent


async def test_nobody_there() -> None:
    async with running_peer() as peer:
        settings = peer.settings()
    with pytest.raises(ConnectFailed):
        await Connection.connect(settings)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example", SmtpSettings("mail.example", 25, tls=Tls.OPPORTUNISTIC)),
        ("smtp://127.0.0.1:1025?starttls=never", SmtpSettings("127.0.0.1", 1025, tls=Tls.NEVER)),
        ("smtp://u%40x:p%3Aw@mail.example:587", SmtpSettings("mail.example", 587, "u@x", "p:w", tls=Tls.REQUIRED)),
        ("smtp://u:p@mail.example?starttls=opportunistic", SmtpSettings("mail.example", 25, "u", "p", tls=Tls.OPPORTUNISTIC)),
        ("smtps://u:p@mail.example/", SmtpSettings("mail.example", 465, "u", "p", tls=Tls.IMPLICIT)),
    ],
)
def test_settings_come_from_a_url(url: str, expected: SmtpSettings) -> None:
    assert SmtpSettings.from_url(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "http://mail.example",
        "smtp://",
        "smtp://u:geheim@mail.example:99999",
        "smtp://u@mail.example",
        "smtp://u:geheim@mail.example?starttls=perhaps",
        "smtp://u:geheim@mail.example?tls=1",
        "smtps://mail.example?starttls=required",
        "smtp://mail.example/inbox",
    ],
)
def test_a_url_that_is_wrong_is_refused_without_telling_the_password(url: str) -> None:
    with pytest.raises(ValueError, match="SMTP URL") as refused:
        SmtpSettings.from_url(url)
    assert "geheim" not in str(refused.value)


def test_settings_do_not_show_the_password() -> None:
    assert "geheim" not in repr(SmtpSettings.from_url("smtp://u:geheim@mail.example"))


@pytest.mark.parametrize(
    ("recipient", "content", "return_path"),
    [
        ("a@example.org>\r\nRCPT TO:<b@example.org", CONTENT, ""),
        ("a b@example.org", CONTENT, ""),
        ("ä@example.org", CONTENT, ""),
        ("nobody", CONTENT, ""),
        ("a@example.org", CONTENT, "x@example.org> SIZE=1"),
        ("a@example.org", b"no end of line", ""),
        ("a@example.org", b"Subject: x\r\n\r\nsmuggled\n.\n\r\n", ""),
        ("a@example.org", b"Subject: x\r\n\r\nsmuggled\r.\r\r\n", ""),
        ("a@example.org", "Subject: ä\r\n\r\n".encode(), ""),
        ("a@example.org", b"Subject: \0\r\n\r\n", ""),
    ],
)
def test_what_could_say_something_else_to_a_server_is_refused(recipient: str, content: bytes, return_path: str) -> None:
    with pytest.raises(ValueError, match=r"envelope|CRLF|7-bit"):
        Outgoing(recipient, content, return_path)


def test_a_reply_is_shown_without_controls_and_bounded() -> None:
    (reply,) = ReplyReader().feed(b"550-\x1b[31mred\x00\r\n550 \xe2\x80\xae" + b"x" * 1000 + b"\r\n")
    assert reply.code == 550
    assert reply.text.startswith("550  [31mred   xxx")
    assert len(reply.text) == SHOWN_CHARACTERS_MAX
    assert reply.text.isprintable()


@given(st.lists(st.integers(1, 40)))
def test_replies_are_the_same_in_whatever_pieces_they_come(sizes: list[int]) -> None:
    stream = b"250-one\r\n250 two\r\n354\r\n550-\r\n550-x\n550 y\r\n220 end\r\n"
    reader, position = ReplyReader(), 0
    replies: list[Reply] = []
    for size in [*sizes, len(stream)]:
        replies += reader.feed(stream[position : position + size])
        position += size
    assert [(reply.code, reply.text) for reply in replies] == [
        (250, "250 one two"),
        (354, "354"),
        (550, "550  x y"),
        (220, "220 end"),
    ]


@pytest.mark.parametrize(
    "garbage", [b"hello\r\n", b"25 x\r\n", b"2500 x\r\n", b"250-a\r\n251 b\r\n", b"150 x\r\n", b"250-x\r\n" * 101, b"2" * 3000]
)
def test_garbage_is_no_reply(garbage: bytes) -> None:
    with pytest.raises(Garbage):
        list(ReplyReader().feed(garbage))
