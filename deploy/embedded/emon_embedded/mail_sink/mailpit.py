"""Mailpit's shapes of a mail in JSON (https://mailpit.axllent.org/docs/api-v1/).

As in Mailpit, recipients of the envelope whom no header names are listed as Bcc.
"""

import hashlib
import re
from datetime import UTC, datetime
from typing import Any

from emon_embedded.mail_sink.reading import Address, Attachment, ReadMail
from emon_embedded.mail_sink.store import Counts, Listed

JsonObject = dict[str, Any]


def rfc3339(moment: datetime) -> str:
    """In UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def summary(mail_id: str, mail: ReadMail, hidden: list[Address], received_at: datetime, size_bytes: int) -> JsonObject:
    """A mail as it is listed, but for `Read`, which changes."""
    return {
        "ID": mail_id,
        "MessageID": mail.message_id,
        **_addressed(mail, hidden),
        "Subject": mail.subject,
        "Created": rfc3339(received_at),
        "Username": "",
        "Tags": [],
        "Size": size_bytes,
        "Attachments": len(mail.attachments),
        "Snippet": mail.snippet,
    }


def details(mail_id: str, mail: ReadMail, envelope: JsonObject, size_bytes: int) -> JsonObject:
    """A mail with its text, its HTML and what is attached to it."""
    hidden = [Address("", address) for address in envelope["hidden"]]
    return {
        "ID": mail_id,
        "MessageID": mail.message_id,
        **_addressed(mail, hidden),
        "ReturnPath": envelope["sender"] or mail.sender.address,
        "Subject": mail.subject,
        "ListUnsubscribe": {
            "Header": mail.unsubscribe,
            "Links": re.findall(r"<([^<>]+)>", mail.unsubscribe),
            "Errors": "",
            "HeaderPost": mail.unsubscribe_post,
        },
        "Date": rfc3339(mail.date) if mail.date else envelope["received_at"],
        "Tags": [],
        "Username": "",
        "Text": mail.text,
        "HTML": mail.html,
        "Size": size_bytes,
        "Inline": [_attachment(attachment) for attachment in mail.attachments if attachment.is_inline],
        "Attachments": [_attachment(attachment) for attachment in mail.attachments if not attachment.is_inline],
    }


def messages(rows: list[Listed], start: int, all_mails: Counts, matching: Counts) -> str:
    """A page of the list. The rows are JSON already, so that ten thousand of them need not be parsed to be listed."""
    listed = ",".join(f'{{"Read":{"true" if row.is_read else "false"},{row.summary[1:]}' for row in rows)
    return (
        f'{{"total":{all_mails.total},"unread":{all_mails.unread},"count":{len(rows)},'
        f'"messages_count":{matching.total},"messages_unread":{matching.unread},"start":{start},"tags":[],"messages":[{listed}]}}'
    )


def _addressed(mail: ReadMail, hidden: list[Address]) -> JsonObject:
    return {
        "From": _mailbox(mail.sender),
        "To": [_mailbox(address) for address in mail.to],
        "Cc": [_mailbox(address) for address in mail.cc],
        "Bcc": [_mailbox(address) for address in (*mail.bcc, *hidden)],
        "ReplyTo": [_mailbox(address) for address in mail.reply_to],
    }


def _mailbox(address: Address) -> JsonObject:
    return {"Name": address.name, "Address": address.address}


def _attachment(attachment: Attachment) -> JsonObject:
    return {
        "PartID": attachment.part_id,
        "FileName": attachment.file_name,
        "ContentType": attachment.content_type,
        "ContentID": attachment.content_id,
        "Size": len(attachment.content),
        "Checksums": {
            "MD5": hashlib.md5(attachment.content, usedforsecurity=False).hexdigest(),
            "SHA1": hashlib.sha1(attachment.content, usedforsecurity=False).hexdigest(),
            "SHA256": hashlib.sha256(attachment.content).hexdigest(),
        },
    }
