"""The doctor at what stands outside: mail servers, name servers, certificates, keys; real ones on 127.0.0.1, and broken."""

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import dns.message
import dns.rcode
import dns.rrset
import pytest
from joserfc.jwk import OKPKey

from emon_embedded.stack import running_mail_sink
from emon_notifications.settings import NotificationsSettings
from emon_operator.demo_client import Mailbox
from emon_operator.doctor import certificates, clock, lag, sender_domain, settings, smtp
from emon_operator.doctor.examination import Check, examine
from emon_operator.doctor.findings import Finding, Level, ok
from emon_operator.doctor.installation import Installation, installation_of
from emon_platform.settings import settings_from

from tests.certificates import self_signed
from tests.notifications.smtp_peer import Script, running_peer

DATABASES = {f"EMON_DATABASE_{kind}_URL": f"postgresql://n_{kind.lower()}@127.0.0.1:1/n" for kind in ("OWNER", "API", "WORKER")}


def notifications(**said: str) -> Installation:
    environment = {**DATABASES, "EMON_KAFKA_BOOTSTRAP": "127.0.0.1:1", **said}
    return Installation({"notifications": environment}, {"notifications": settings_from(NotificationsSettings, environment)}, {})


async def bad(checks: Sequence[Check]) -> list[Finding]:
    return [finding for finding in await examine(checks, time_limit_s=10) if finding.level]


@pytest.fixture(scope="module")
def expired(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path_factory.mktemp("tls") / "expired.pem", ends_in=timedelta(days=-3)))
    return context


async def test_an_expired_certificate_of_the_mail_server_is_named(expired: ssl.SSLContext) -> None:
    script = Script(extensions=(b"PIPELINING", b"STARTTLS", b"SIZE 1000", b"AUTH PLAIN"), tls=expired)
    async with running_peer(script) as peer:
        found = await bad(smtp.checks(notifications(EMON_SMTP_URL=f"smtp://user:secret@127.0.0.1:{peer.port}"), None))
    assert [finding.what.partition(" on 2")[0] for finding in found] == [
        "its certificate expired",
        "it takes mails of 1000 bytes at most",
        found[2].what,
    ]
    assert found[2].what.startswith("no connection over which mail could be sent")
    assert "certificate verify failed" in found[2].what
    assert "secret" not in str(found)
    assert not any(command.startswith(("AUTH", "MAIL")) for command in peer.commands)


async def test_a_wrong_password_is_named_and_not_shown() -> None:
    script = Script(extensions=(b"PIPELINING", b"AUTH PLAIN"), auth=b"535 5.7.8 no\r\n")
    async with running_peer(script) as peer:
        url = f"smtp://user:secret@127.0.0.1:{peer.port}?starttls=never"
        found = await bad(smtp.checks(notifications(EMON_SMTP_URL=url), None))
    assert [finding.what for finding in found] == ["it refuses us: 535 5.7.8 no"]


async def test_a_mail_goes_out_only_where_it_is_asked_for(tmp_path: Path) -> None:
    async with running_mail_sink(tmp_path) as sink:
        there = notifications(EMON_SMTP_URL=sink.smtp_url)
        assert await bad(smtp.checks(there, None)) == []
        found = await examine(smtp.checks(there, "betrieb@stadt.example"))
        assert any("took a mail to betrieb@stadt.example" in finding.what for finding in found)
        async with Mailbox(sink.http_url) as mailbox:
            assert [mail["To"][0]["Address"] for mail in await mailbox.messages()] == ["betrieb@stadt.example"]


async def test_a_mail_server_that_is_not_there_is_one_finding() -> None:
    [found] = await bad(smtp.checks(notifications(EMON_SMTP_URL="smtp://127.0.0.1:1"), None))
    assert found.what.startswith("no connection over which mail could be sent")


Records = Mapping[tuple[str, str], Sequence[str]]


@dataclass
class NameServer(asyncio.DatagramProtocol):
    """Answers by UDP what stands in its records. A name that has none of any kind does not exist."""

    records: Records
    asked: list[str] = field(default_factory=list[str])
    transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        [question] = query.question
        name, kind = question.name.to_text(omit_final_dot=True), question.rdtype.name
        self.asked.append(f"{name} {kind}")
        answer = dns.message.make_response(query)
        if texts := self.records.get((name, kind)):
            answer.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", kind, list(texts)))
        elif not any(known == name for known, _ in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        assert self.transport is not None
        self.transport.sendto(answer.to_wire(), addr)


@asynccontextmanager
async def running_name_server(records: Records) -> AsyncGenerator[tuple[NameServer, str]]:
    server = NameServer(records)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: server, local_addr=("127.0.0.1", 0))
    try:
        yield server, f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()


TOWN: Records = {
    ("stadt.de", "MX"): ["10 mail.stadt.de."],
    ("stadt.de", "TXT"): ['"v=spf1 mx " "-all"', '"something else"'],
    ("s1._domainkey.stadt.de", "TXT"): ['"v=DKIM1; k=rsa; " "p=MIIBIjANBgkq"'],
    ("_dmarc.stadt.de", "TXT"): ['"v=DMARC1; p=quarantine"'],
}


async def test_a_domain_that_others_believe() -> None:
    async with running_name_server(TOWN) as (server, resolver):
        there = notifications(EMON_MAIL_FROM="noreply@emon.stadt.de")
        assert await bad(sender_domain.checks(notifications(EMON_MAIL_FROM="noreply@stadt.de"), resolver, "s1")) == []
        [found] = await bad(sender_domain.checks(there, resolver, "s1"))
    assert found.what == "the domain does not exist"
    assert "s1._domainkey.stadt.de TXT" in server.asked


async def test_a_domain_in_whose_name_anybody_may_send() -> None:
    records: Records = {
        ("post.stadt.de", "MX"): ["0 ."],
        ("post.stadt.de", "TXT"): ['"v=spf1 +all"'],
        ("_dmarc.stadt.de", "TXT"): ['"v=DMARC1; p=reject; sp=none"'],
    }
    async with running_name_server(records) as (_, resolver):
        found = await bad(sender_domain.checks(notifications(EMON_MAIL_FROM="noreply@post.stadt.de"), resolver, "s1"))
    assert [(finding.level, finding.where) for finding in found] == [
        (Level.PROBLEM, "post.stadt.de"),
        (Level.PROBLEM, "post.stadt.de"),
        (Level.PROBLEM, "s1._domainkey.post.stadt.de"),
        (Level.WARNING, "_dmarc.stadt.de"),
    ]


async def test_where_no_name_server_answers_that_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_domain, "ANSWER_WITHIN_S", 0.2)
    [found] = await bad(sender_domain.checks(notifications(EMON_MAIL_FROM="noreply@stadt.de"), "127.0.0.1:1", "s1"))
    assert (found.level, found.what) == (Level.WARNING, "nothing is known of its DNS: no name server answers")


async def test_the_certificate_of_the_public_address(expired: ssl.SSLContext) -> None:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=expired)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        [found] = await bad(certificates.checks(notifications(EMON_PUBLIC_URL=url)))
    finally:
        server.close()
    assert (found.level, found.where) == (Level.PROBLEM, url)
    assert found.what.startswith("its certificate expired on ")
    [gone] = await bad(certificates.checks(notifications(EMON_PUBLIC_URL=url)))
    assert gone.what.startswith("no encrypted connection")


async def test_a_web_server_whose_clock_is_wrong() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nDate: Tue, 24 Nov 2020 12:00:00 GMT\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        [found] = await bad(clock.checks(notifications(EMON_PUBLIC_URL=url)))
    finally:
        server.close()
    assert found.level == Level.PROBLEM
    assert "ahead of it: sign-ins and deadlines go wrong" in found.what


async def test_what_a_service_says_of_itself_is_passed_on() -> None:
    said = json.dumps({"status": "not-ready", "troubles": ["partition x/1 stopped"], "remarks": []}).encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" + said)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        found = await bad(lag.checks(Installation({}, {}, {}), [url, "http://127.0.0.1:1"]))
    finally:
        server.close()
    assert [finding.what for finding in found] == ["partition x/1 stopped", "it does not say how it is (ClientConnectorError)"]


async def test_keys_that_do_not_belong_together_and_one_that_everybody_may_read(tmp_path: Path) -> None:
    def key(name: str, *, private: bool, mode: int) -> str:
        file = tmp_path / name
        file.write_text(json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=private)))
        file.chmod(mode)
        return str(file)

    broken = tmp_path / "broken.jwk"
    broken.write_text("{")
    environment = {
        **DATABASES,
        "EMON_KAFKA_BOOTSTRAP": "127.0.0.1:1",
        **{f"EMON_{name}_URL": "http://127.0.0.1:1" for name in ("CONTACTS", "MEETINGS", "FEEDBACK", "NOTIFICATIONS", "GATEWAY")},
        "EMON_ACTOR_TOKEN_PRIVATE_KEY_FILE": key("private.jwk", private=True, mode=0o644),
        "EMON_ACTOR_TOKEN_PUBLIC_KEY_FILE": key("public.jwk", private=False, mode=0o644),
        "EMON_SIGNED_LINK_PUBLIC_KEY_FILE": str(broken),
        "EMON_TRUSTED_PROXIES": "10.0.0.1",
        "EMON_PUBLIC_URI": "https://emon.stadt.de",
    }
    found = await bad(settings.checks(installation_of(environment), frozenset()))
    said = [f"{finding.where}: {finding.what}" for finding in found]
    assert any(line.startswith("gateway: EMON_TRUSTED_PROXIES: Must be JSON.") for line in said), said
    assert "EMON_PUBLIC_URI: nobody reads it" in said
    assert any("are led to the same database" in line for line in said)
    del environment["EMON_TRUSTED_PROXIES"]
    said = [f"{item.where}: {item.what}" for item in await bad(settings.checks(installation_of(environment), frozenset()))]
    assert any(line.startswith("actor token: contacts, feedback,") for line in said), said
    assert f"{tmp_path / 'private.jwk'}: everybody on this machine may read it (mode 644)" in said
    assert f"gateway: {broken}: the key cannot be read: it is not an Ed25519 key in JWK form" in said


async def test_a_check_that_breaks_or_hangs_hides_no_other() -> None:
    async def breaks() -> Sequence[Finding]:
        raise RuntimeError("secret")

    async def hangs() -> Sequence[Finding]:
        await asyncio.sleep(60)
        return ()

    async def works() -> Sequence[Finding]:
        return [ok("c", "there", "fine")]

    found = await examine([Check("a", "here", breaks), Check("b", "there", hangs), Check("c", "there", works)], time_limit_s=0.05)
    assert [finding.level for finding in found] == [Level.PROBLEM, Level.PROBLEM, Level.OK]
    assert [finding.what for finding in found[:2]] == [
        "it could not be examined (RuntimeError)",
        "it did not answer within 0 s",
    ]


async def test_a_mail_server_that_encrypts_from_the_first_byte(expired: ssl.SSLContext) -> None:
    async with running_peer(Script(tls=expired), implicit_tls=True) as peer:
        found = await bad(smtp.checks(notifications(EMON_SMTP_URL=f"smtps://127.0.0.1:{peer.port}"), None))
    assert [finding.what.partition(" on 2")[0].partition(":")[0] for finding in found] == [
        "its certificate expired",
        "no connection over which mail could be sent",
    ]
