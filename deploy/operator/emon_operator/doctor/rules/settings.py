"""Whether the settings hold together, and keep what is secret to themselves."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_address
from urllib.parse import urlsplit

from emon_operator.doctor.findings import Finding, problem, warning

SUBJECT = "settings"


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file that holds a secret: its permission bits as `ls` counts them."""

    path: str
    mode: int


def judge_wrong(service: str, wrong: Mapping[str, str]) -> list[Finding]:
    """What is missing or malformed, as the service itself would say at its start."""
    mend = "docs/settings.md says what it is for, and what it may be."
    return [problem(SUBJECT, f"{service}: {variable}", what, mend) for variable, what in wrong.items()]


def judge_unknown(variables: Iterable[str], known: Iterable[str]) -> list[Finding]:
    """Variables that nobody reads: most likely a name with a slip in it."""
    names = sorted(known)
    found: list[Finding] = []
    for variable in sorted(variables):
        alike = get_close_matches(variable, names, n=1, cutoff=0.85)
        mend = f"Did you mean {alike[0]}?" if alike else "Take it out, or look its name up in docs/settings.md."
        found.append(warning(SUBJECT, variable, "nobody reads it", mend))
    return found


def judge_same(variable: str, said: Mapping[str, str]) -> list[Finding]:
    """A setting that has to be the same for everybody."""
    if len({*said.values()}) <= 1:
        return []
    differing = ", ".join(f"{service} {value}" for service, value in sorted(said.items()))
    return [problem(SUBJECT, variable, f"services are told different things: {differing}", "Tell all of them the same.")]


def judge_databases(urls: Mapping[str, Mapping[str, str]]) -> list[Finding]:
    """A database for each service, and a role for each purpose. `urls` by service and kind of role."""
    found: list[Finding] = []
    places: dict[tuple[str | None, int, str], list[str]] = {}
    for service, by_kind in urls.items():
        parts = {kind: urlsplit(url) for kind, url in by_kind.items()}
        here = {(part.hostname, part.port or 5432, part.path) for part in parts.values()}
        for place in here:
            places.setdefault(place, []).append(service)
        if len(here) > 1:
            what = "its roles are led to different databases"
            found.append(problem(SUBJECT, f"{service}: EMON_DATABASE_…_URL", what, "Name one database in all three."))
        users = [part.username for part in parts.values()]
        if len({*users}) < len(users):
            what = "one role serves several purposes: row-level security or the owner's rights are given away"
            mend = "Use a role of its own for each of owner, api and worker."
            found.append(problem(SUBJECT, f"{service}: EMON_DATABASE_…_URL", what, mend))
    for services in places.values():
        if len(services) > 1:
            what = f"{', '.join(sorted(services))} are led to the same database"
            mend = "Give each its own: EMON_CONTACTS_DATABASE_API_URL is that of contacts alone."
            found.append(problem(SUBJECT, "EMON_DATABASE_…_URL", what, mend))
    return found


def judge_public_url(variable: str, url: str) -> list[Finding]:
    """Where people go: links in mails lead there, and sessions travel there."""
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in ("http", "https"):
        return [problem(SUBJECT, variable, f"{url} is no address of a website", "It begins with https:// and names a host.")]
    if parts.scheme == "https" or is_local(parts.hostname):
        return []
    what = f"{url} is not encrypted: sessions and links can be read on their way, and the dashboard's cookie is not kept"
    return [problem(SUBJECT, variable, what, "Put a proxy with TLS before it, and say https:// here.")]


def judge_mail_from(mail_from: str, *, leads_nowhere: bool, smtp_host: str) -> list[Finding]:
    """The sender's address. `leads_nowhere`: its domain is one of a trial."""
    if not leads_nowhere or is_local(smtp_host):
        return []
    what = f"{mail_from} is an address of nobody, and mail goes to a real server"
    return [problem(SUBJECT, "EMON_MAIL_FROM", what, "Name an address whose mailbox somebody reads: bounces go there.")]


def judge_secret_file(file: SecretFile) -> list[Finding]:
    """A private key, or passwords."""
    if not file.mode & 0o007:
        return []
    what = f"everybody on this machine may read it (mode {file.mode & 0o777:o})"
    return [problem(SUBJECT, file.path, what, f"chmod 600 {file.path}; if others could log in here, make a new one.")]


def judge_key_pair(purpose: str, private: str | None, publics: Mapping[str, str]) -> list[Finding]:
    """Whether what one signs, the others can verify. Keys are named by their public halves; `publics` by who verifies."""
    if private is None:
        return []
    strangers = sorted(service for service, public in publics.items() if public != private)
    if not strangers:
        return []
    what = f"{', '.join(strangers)} verify {purpose}s with another key than they are signed with: all are refused"
    return [problem(SUBJECT, purpose, what, "Give them the public half of the very key that signs.")]


def judge_proxies(networks: Sequence[IPv4Network | IPv6Network], public_url: str) -> list[Finding]:
    """Whose word on where a request comes from is taken."""
    wide = [str(network) for network in networks if network.prefixlen == 0]
    if wide:
        what = f"{', '.join(wide)} is everybody: anybody can say where they come from, and no limit holds them"
        return [problem(SUBJECT, "EMON_TRUSTED_PROXIES", what, "Name the addresses of your own proxies.")]
    if not networks and urlsplit(public_url).scheme == "https":
        what = "a proxy ends TLS, and its word is not taken: all requests seem to come from one address and share its limits"
        mend = 'Name the proxy\'s address, such as ["10.0.0.5/32"].'
        return [warning(SUBJECT, "EMON_TRUSTED_PROXIES", what, mend)]
    return []


def judge_sessions(idle_s: float, lifetime_s: float) -> list[Finding]:
    """How long a session lasts."""
    if idle_s <= lifetime_s:
        return []
    what = "a session may be unused for longer than it lasts, so that this limit says nothing"
    return [warning(SUBJECT, "EMON_SESSION_IDLE", what, "Make it shorter than EMON_SESSION_LIFETIME.")]


def judge_hold(hold_events_before: str | None) -> list[Finding]:
    """A setting for the first start after a restore."""
    if hold_events_before is None:
        return []
    what = f"what happened before {hold_events_before} is held at every start"
    return [warning(SUBJECT, "EMON_HOLD_EVENTS_BEFORE", what, "Take it out once what was restored is settled.")]


def is_local(host: str) -> bool:
    """Whether this host is the machine itself."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
