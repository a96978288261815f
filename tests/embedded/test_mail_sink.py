"""The mail sink keeps what it answered 250 for, and shows it as Mailpit would."""

import json
import smtplib
import socket
import sqlite3
import urllib.parse
from datetime import UTC, datetime
from email.message import EmailMessage
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from typing import Any

import pytest

from emon_embedded.mail_sink.reading import Address, read_mail
from emon_embedded.mail_sink.smtp import new_mail
from emon_embedded.mail_sink.store import MailStore
from emon_embedded.stack import RunningMailSink, running_mail_sink

SUBJECT = "Einladung: Runder Tisch für Geflüchtete in Ilsfeld, mit allen, die in der Gemeinde helfen möchten"
CALENDAR = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"


def invitation(to: str = "Jürgen Müller <juergen@example.org>") -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "EmON <noreply@emon.example>", to, SUBJECT
    mail["Message-ID"], mail["Date"] = "<1@emon.example>", "Mon, 01 Mar 2027 18:00:00 +0100"
    mail.set_content("Guten Tag,\n\nbitte hier: http://127.0.0.1:8080/links/x?token=abc\n")
    mail.add_alternative("<p>Guten Tag</p><script>alert(1)</script>", subtype="html")
    mail.add_alternative(CALENDAR, subtype="calendar", params={"method": "REQUEST"})
    return mail


def send(sink: RunningMailSink, mail: EmailMessage, recipients: list[str] | None = None) -> None:
    with smtplib.SMTP("127.0.0.1", sink.smtp_port) as smtp:
        smtp.send_message(mail, to_addrs=recipients)


def text(sink: RunningMailSink, path: str) -> str:
    return answer(sink, path)[1]


def answer(sink: RunningMailSink, path: str, method: str = "GET") -> tuple[HTTPMessage, str]:
    connection = HTTPConnection("127.0.0.1", sink.server.http_port)
    connection.request(method, path)
    response = connection.getresponse()
    content = response.read().decode()
    connection.close()
    assert response.status == 200, content
    return response.headers, content


def found(sink: RunningMailSink, query: str) -> list[str]:
    listed = json.loads(text(sink, f"/api/v1/search?query={urllib.parse.quote(query)}"))
    return [mail["To"][0]["Address"] for mail in listed["messages"]]


async def test_what_was_answered_250_survives_a_kill(tmp_path: Path) -> None:
    async with running_mail_sink(tmp_path / "mails") as sink:
        for number in range(20):
            send(sink, invitation(f"{number}@example.org"))
        await sink.part.restart_after_kill()
        listed = json.loads(text(sink, "/api/v1/messages"))
        assert listed["total"] == 20
        assert [mail["To"][0]["Address"] for mail in listed["messages"]] == [
            f"{number}@example.org" for number in range(19, -1, -1)
        ]


async def test_mails_are_shown_as_mailpit_shows_them(tmp_path: Path) -> None:
    async with running_mail_sink(tmp_path / "mails") as sink:
        send(sink, invitation(), ["juergen@example.org", "hidden@example.org"])
        listed = json.loads(text(sink, "/api/v1/messages?start=0&limit=1"))
        assert {key: listed[key] for key in ("total", "unread", "count", "messages_count", "start")} == {
            "total": 1,
            "unread": 1,
            "count": 1,
            "messages_count": 1,
            "start": 0,
        }
        [mail] = listed["messages"]
        assert mail["Subject"] == SUBJECT
        assert mail["To"] == [{"Name": "Jürgen Müller", "Address": "juergen@example.org"}]
        assert mail["Bcc"] == [{"Name": "", "Address": "hidden@example.org"}]
        assert (mail["MessageID"], mail["Read"], mail["Attachments"]) == ("1@emon.example", False, 1)

        details: dict[str, Any] = json.loads(text(sink, f"/api/v1/message/{mail['ID']}"))
        assert details["Text"].startswith("Guten Tag,")
        assert details["HTML"].startswith("<p>Guten Tag</p>")
        assert details["Date"] == "2027-03-01T17:00:00.000Z"
        [calendar] = details["Attachments"]
        assert calendar["ContentType"] == "text/calendar"
        assert text(sink, f"/api/v1/message/{mail['ID']}/part/{calendar['PartID']}") == CALENDAR
        assert "Subject: Einladung" in text(sink, f"/api/v1/message/{mail['ID']}/raw")

        assert found(sink, "to:JUERGEN subject:tisch") == ["juergen@example.org"]
        assert found(sink, "addressed:hidden@example.org") == ["juergen@example.org"]
        assert found(sink, 'subject:"für Geflüchtete" -from:emon.example') == []

        answer(sink, "/api/v1/messages", "DELETE")
        assert json.loads(text(sink, "/api/v1/messages"))["messages"] == []


async def test_pages_show_a_mail_without_running_what_is_in_it(tmp_path: Path) -> None:
    async with running_mail_sink(tmp_path / "mails") as sink:
        send(sink, invitation("<script>alert(1)</script> <a@example.org>"))
        assert SUBJECT in text(sink, "/")
        mail_id = json.loads(text(sink, "/api/v1/messages"))["messages"][0]["ID"]
        page = text(sink, f"/mails/{mail_id}")
        assert 'href="http://127.0.0.1:8080/links/x?token=abc"' in page
        assert "<script" not in page
        headers, html = answer(sink, f"/mails/{mail_id}/html")
        assert "<script>" in html
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "sandbox allow-popups" in headers["Content-Security-Policy"]
        assert text(sink, "/readyz") == "ok"


async def test_ten_thousand_mails_are_listed_at_once(tmp_path: Path) -> None:
    content = invitation().as_bytes()
    store = MailStore(tmp_path / "mails")
    kept = [
        store.keep(new_mail(content, "a@emon.example", [f"{number}@example.org"], datetime.now(UTC))) for number in range(10_000)
    ]
    kept[-1].result()
    store.close()
    async with running_mail_sink(tmp_path / "mails") as sink:
        listed = json.loads(text(sink, "/api/v1/messages?limit=10000"))
        assert listed["total"] == len({mail["ID"] for mail in listed["messages"]}) == 10_000
        assert len(json.loads(text(sink, "/api/v1/messages?start=9990"))["messages"]) == 10


async def test_commands_may_be_pipelined(tmp_path: Path) -> None:
    envelope = b"MAIL FROM:<a@emon.example>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n"
    async with running_mail_sink(tmp_path / "mails") as sink:
        with socket.create_connection(("127.0.0.1", sink.smtp_port)) as connection:
            connection.sendall(b"EHLO test\r\n" + envelope)
            connection.sendall(b"Subject: 1\r\n\r\n..\r\n.\r\n" + envelope)
            connection.sendall(b"Subject: 2\r\n\r\n.\r\nQUIT\r\n")
            answers = connection.makefile("rb").read().splitlines()
        assert b"250-PIPELINING" in answers
        assert [answer[:3] for answer in answers if answer[3:4] == b" "][2:] == [b"250", b"250", b"354", b"250"] * 2 + [b"221"]
        listed = json.loads(text(sink, "/api/v1/messages"))
        assert [mail["Subject"] for mail in listed["messages"]] == ["2", "1"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no header at all",
        b"Subject: =?unknown-charset?B?////?=\r\nTo: =?utf-8?B?broken\r\nDate: never\r\n\r\n\xff\xfe",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain; charset=none\r\n\r\n\xff",
        b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ntext",
    ],
)
def test_a_broken_mail_is_kept_all_the_same(content: bytes, tmp_path: Path) -> None:
    store = MailStore(tmp_path)
    store.keep(new_mail(content, "", [], datetime.now(UTC))).result()
    stored = store.mail("latest")
    store.close()
    assert stored is not None
    assert stored.content == content


def test_a_name_may_hold_commas_and_be_of_any_script() -> None:
    mail = read_mail('To: =?utf-8?q?M=C3=BCller=2C_J=C3=BCrgen?= <a@example.org>, "Зоя" <zoya@example.org>\r\n\r\n'.encode())
    assert mail.to == [Address("Müller, Jürgen", "a@example.org"), Address("Зоя", "zoya@example.org")]


def test_a_mail_that_cannot_be_stored_is_not_confirmed(tmp_path: Path) -> None:
    store = MailStore(tmp_path)
    mail = new_mail(b"Subject: x\r\n\r\n", "", [], datetime.now(UTC))
    store.keep(mail).result()
    with pytest.raises(sqlite3.IntegrityError):
        store.keep(mail).result()
    assert store.counts().total == 1
    store.close()
