"""What codes of deliveries and replies of mail servers mean, in words. Pure.

Every code has a text; a test goes through all that notifications has. One that is newer than these pages is left out.
"""

import re
from collections.abc import Mapping

from emon_dashboard.deliveries.reads import Attempt, Delivery
from emon_dashboard.rendering.texts import Texts

_REFUSED_AT = re.compile(r"(mail|rcpt|data|content)-([45])[0-9]{2}")

# RFC 3463: subject and detail of an enhanced status code. What stands nowhere here is told by its class alone.
_ENHANCED_STATUS = re.compile(r"\b[245]\.(\d{1,3})\.(\d{1,3})\b")
_CAUSES_BY_STATUS: Mapping[tuple[str, str], str] = {
    **dict.fromkeys((("1", "1"), ("1", "2"), ("1", "3"), ("1", "6"), ("1", "10")), "unknown_address"),
    ("2", "1"): "closed_mailbox",
    ("2", "2"): "full_mailbox",
    ("2", "3"): "too_large",
    ("3", "4"): "too_large",
}
_CAUSES_BY_SUBJECT: Mapping[str, str] = {"3": "their_server", "4": "their_server", "7": "policy"}
# RFC 5321 section 4.2.3, where no enhanced status says more.
_CAUSES_BY_CODE: Mapping[int, str] = {
    421: "their_server",
    450: "later",
    451: "later",
    452: "full_mailbox",
    550: "unknown_address",
    551: "unknown_address",
    552: "full_mailbox",
    553: "unknown_address",
    554: "policy",
}


# The state says it already.
_SAID_BY_STATUS = {
    ("by_hand", "no-address"),
    ("erased", "person-erased"),
    ("superseded", "newer-planned"),
    ("suppressed", "address-suppressed"),
    ("uncertain", "no-reply"),
}


def why(texts: Texts, delivery: Delivery) -> str | None:
    """Why a delivery is in its state; None where there is nothing to say beyond the state."""
    reason = delivery.reason or ""
    if (delivery.status, reason) in _SAID_BY_STATUS:
        return None
    refused = _REFUSED_AT.fullmatch(reason)
    path = f"deliveries.refused_at.{refused[1]}_{refused[2]}" if refused else f"deliveries.reasons.{reason}"
    return texts.text(path) if texts.has(path) else None


def meaning(texts: Texts, attempt: Attempt) -> str:
    """What became of a try and, where the mail server refused it, what it may have meant."""
    outcome = texts.text(f"deliveries.outcomes.{attempt.outcome or 'under_way'}")
    if attempt.outcome not in ("deferred", "bounced") or attempt.code is None:
        return outcome
    return f"{texts.text(f'deliveries.causes.{cause(attempt.stage, attempt.code, attempt.reply)}')} {outcome}"


def cause(stage: str | None, code: int, reply: str | None) -> str:
    """What a mail server refused a mail for, as far as its reply tells."""
    if stage == "mail":
        return "sender"  # it does not take anything from this platform, whoever it is for
    enhanced = _ENHANCED_STATUS.search(reply or "")
    if enhanced is not None:
        found = _CAUSES_BY_STATUS.get((enhanced[1], enhanced[2])) or _CAUSES_BY_SUBJECT.get(enhanced[1])
        return found or ("later" if code < 500 else "refused")
    found = _CAUSES_BY_CODE.get(code)
    if stage != "rcpt" and found == "unknown_address":
        return "refused"  # the address was taken before; this is about the mail
    return found or ("later" if code < 500 else "refused")
