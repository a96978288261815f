"""Whether the mail server takes what the platform sends."""

from dataclasses import dataclass

from emon_operator.doctor.findings import Finding, ok, or_ok, problem, warning

SUBJECT = "smtp"
# The largest mails have a calendar part and pictures of none: far below this.
SIZE_MIN_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Offered:
    """What the server says of itself. `size_max` 0: no limit is named (RFC 1870)."""

    starttls: bool
    encrypted: bool
    size_max: int
    pipelining: bool


def judge_offer(where: str, offered: Offered, *, is_local: bool, may_be_open: bool) -> list[Finding]:
    """`is_local`: the mail never leaves this machine unencrypted; `may_be_open`: the settings say that it may."""
    found: list[Finding] = []
    if not offered.encrypted and not is_local:
        if offered.starttls:
            what = "mail goes to it unencrypted, though it offers STARTTLS"
            found.append(problem(SUBJECT, where, what, "Take starttls=never out of EMON_SMTP_URL."))
        else:
            what = "it offers no STARTTLS: mails, and the links in them, can be read on their way to it"
            mend = "Switch on TLS at the mail server, then say ?starttls=required in EMON_SMTP_URL."
            found.append(problem(SUBJECT, where, what, mend))
    elif not is_local and may_be_open:
        what = "encryption is used because it is offered, and would be left out in silence if it were not"
        found.append(warning(SUBJECT, where, what, "Say ?starttls=required in EMON_SMTP_URL."))
    if 0 < offered.size_max < SIZE_MIN_BYTES:
        what = f"it takes mails of {offered.size_max} bytes at most"
        found.append(warning(SUBJECT, where, what, f"Allow {SIZE_MIN_BYTES} bytes or more at the mail server."))
    if not offered.pipelining:
        what = "it does not offer PIPELINING: each mail takes four round trips instead of one"
        found.append(ok(SUBJECT, where, what) if is_local else warning(SUBJECT, where, what, "Switch it on at the mail server."))
    return found


def judge_connection(where: str, failure: str | None, *, permanent: bool, signs_in: bool) -> Finding:
    """A connection exactly as notifications makes it."""
    if failure is None:
        return ok(SUBJECT, where, "takes our connection" + (" and our password" if signs_in else ""))
    if permanent and signs_in:
        mend = "Check user and password in EMON_SMTP_URL, with what is special in them percent-encoded."
        return problem(SUBJECT, where, f"it refuses us: {failure}", mend)
    mend = "Check host and port in EMON_SMTP_URL, the firewall between here and there, and the server's log."
    return problem(SUBJECT, where, f"no connection over which mail could be sent: {failure}", mend)


def judge_test_mail(where: str, recipient: str, refused: str | None) -> Finding:
    """A mail that was asked for by --send-to."""
    if refused is None:
        return ok(SUBJECT, where, f"took a mail to {recipient}: see whether it arrives, and what its headers say of SPF and DKIM")
    return problem(
        SUBJECT, where, f"it did not take a mail to {recipient}: {refused}", "Ask who runs the mail server what it wants."
    )


def or_fine(found: list[Finding], where: str, offered: Offered) -> list[Finding]:
    """What was found, or what the server offers."""
    limit = f"mails of {offered.size_max} bytes" if offered.size_max else "mails of any size"
    return or_ok(found, SUBJECT, where, f"{'encrypts' if offered.encrypted else 'does not encrypt'}, takes {limit}")
