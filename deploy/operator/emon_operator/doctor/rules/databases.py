"""Whether a database is as its migrations say, lets nobody see more than they may, and has room to go on."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from emon_operator.doctor.findings import Finding, ok, or_ok, problem, warning

SUBJECT = "databases"
VERSION_MIN = 17  # transaction_timeout, which every connection sets
VERSION_TESTED = 18
CONNECTIONS_FEW, CONNECTIONS_ALMOST_NONE = 0.2, 0.05  # of those that there may be
# PostgreSQL freezes rows from autovacuum_freeze_max_age on, 200 million; at 2 billion it takes no more commands.
WRAPAROUND_LATE, WRAPAROUND_NEAR = 500_000_000, 1_500_000_000
LOCKED_UP_AFTER = timedelta(hours=1)

_STATEMENT = re.compile(
    r"""
    ALTER\ TABLE\s+(?P<secured>\w+)\s+(?P<security>ENABLE|DISABLE|NO\ FORCE|FORCE)\s+ROW\ LEVEL\ SECURITY
    | (?P<policy_verb>CREATE|DROP)\ POLICY\s+(?P<policy>\w+)\s+ON\s+(?P<policed>\w+)
    | DROP\ TABLE\s+(?P<dropped>\w+)
    | (?P<right_verb>GRANT|REVOKE)\s+(?P<rights>(?:(?:SELECT|INSERT|UPDATE|DELETE)(?:\s*\([^)]*\))?[\s,]*)+)
      \s+ON\s+(?P<granted>\w+(?:,\s*\w+)*)\s+(?:TO|FROM)\s+(?P<roles>:\w+(?:,\s*:\w+)*)
    """,
    re.VERBOSE,
)
_RIGHTS_OF_COLUMNS = re.compile(r"\w+\s*\([^)]*\)")
_ROLE_KINDS = {":api_role": "api", ":worker_role": "worker"}

Right = tuple[str, str, str]
"""Kind of role, table, privilege."""


@dataclass(frozen=True, slots=True)
class Promised:
    """What migrations make of row-level security and of rights to whole tables. `policies` are (table, name)."""

    secured: frozenset[str]
    forced: frozenset[str]
    policies: frozenset[tuple[str, str]]
    rights: frozenset[Right]


@dataclass(frozen=True, slots=True)
class Role:
    """A role as PostgreSQL has it. `member_of`: roles whose rights it has besides its own."""

    kind: str
    name: str
    attributes: Sequence[str]  # of SUPERUSER, BYPASSRLS, CREATEROLE, CREATEDB, REPLICATION: those that it has
    member_of: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """The same of a database as it is, and who owns its tables. `open_to_api`: tables in which row security does not hold it."""

    secured: frozenset[str]
    forced: frozenset[str]
    policies: frozenset[tuple[str, str]]
    rights: frozenset[Right]
    owners: Mapping[str, str]
    open_to_api: frozenset[str]


@dataclass(frozen=True, slots=True)
class Server:
    """What the server says of itself."""

    version: int
    connections: int
    connections_max: int
    transaction_age: int


def promised_by(scripts: Sequence[str]) -> Promised:
    """What is left when these migrations have run, one after the other, and what `migrate` gives by itself."""
    secured: set[str] = set()
    forced: set[str] = set()
    policies: set[tuple[str, str]] = set()
    rights: set[Right] = {("worker", "schema_migrations", "SELECT")}  # a backup says which migrations it has
    for script in scripts:
        for said in _STATEMENT.finditer(script):
            if table := said["secured"]:
                held = forced if "FORCE" in said["security"] else secured
                (held.add if said["security"] in ("ENABLE", "FORCE") else held.discard)(table)
            elif said["policy"]:
                (policies.add if said["policy_verb"] == "CREATE" else policies.discard)((said["policed"], said["policy"]))
            elif table := said["dropped"]:
                secured.discard(table)
                forced.discard(table)
                policies = {item for item in policies if item[0] != table}
                rights = {item for item in rights if item[1] != table}
            else:
                named = _rights(said["roles"], said["granted"], said["rights"])
                rights = rights | named if said["right_verb"] == "GRANT" else rights - named
    return Promised(frozenset(secured), frozenset(forced), frozenset(policies), frozenset(rights))


def _rights(roles: str, tables: str, rights: str) -> set[Right]:
    whole = re.findall(r"\w+", _RIGHTS_OF_COLUMNS.sub("", rights))
    return {
        (_ROLE_KINDS[role], table, right)
        for role in re.findall(r":\w+", roles)
        for table in re.findall(r"\w+", tables)
        for right in whole
    }


def judge_role(where: str, role: Role) -> list[Finding]:
    """A role may log in, and nothing beyond what it was granted."""
    found: list[Finding] = []
    if role.attributes:
        attributes = ", ".join(role.attributes)
        sees_all = {"SUPERUSER", "BYPASSRLS"} & {*role.attributes}
        what = f"the role {role.name} has {attributes}" + (": row-level security does not hold it" if sees_all else "")
        mend = f"ALTER ROLE {role.name} {' '.join(f'NO{attribute}' for attribute in role.attributes)};"
        found.append(problem(SUBJECT, where, what, mend))
    if role.member_of:
        what = f"the role {role.name} has the rights of {', '.join(role.member_of)} as well"
        mend = " ".join(f"REVOKE {other} FROM {role.name};" for other in role.member_of)
        found.append(problem(SUBJECT, where, what, mend))
    return or_ok(found, SUBJECT, where, f"{role.name} signs in as {role.kind}, with no more rights than it needs")


def judge_security(where: str, promised: Promised, found: Found, role_names: Mapping[str, str]) -> list[Finding]:
    """Row-level security and rights. `role_names`: of the roles by kind."""
    findings: list[Finding] = []
    known = promised.secured & found.owners.keys()
    for table in sorted(known - found.secured):
        mend = f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;"
        findings.append(problem(SUBJECT, where, f"row-level security is off for {table}: every tenant sees all of it", mend))
    for table in sorted((promised.forced & known) - found.forced):
        mend = f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY;"
        findings.append(problem(SUBJECT, where, f"row-level security does not hold the owner of {table}", mend))
    for table in sorted(found.open_to_api & known & found.secured):
        what = f"row-level security does not hold {role_names.get('api', 'the api role')} in {table}"
        findings.append(problem(SUBJECT, where, what, "Take from it what the other findings name: BYPASSRLS, ownership, roles."))
    findings += _judge_policies(where, promised, found)
    findings += _judge_rights(where, promised, found, role_names)
    if owner := role_names.get("owner"):
        for table, actual in sorted(found.owners.items()):
            if actual != owner:
                mend = f"ALTER TABLE {table} OWNER TO {owner};"
                findings.append(problem(SUBJECT, where, f"{table} belongs to {actual} and not to {owner}", mend))
    return or_ok(findings, SUBJECT, where, f"row-level security holds in {len(known)} tables, rights are those of the migrations")


def _judge_policies(where: str, promised: Promised, found: Found) -> list[Finding]:
    missing, strange = promised.policies - found.policies, found.policies - promised.policies
    return [
        *(
            problem(SUBJECT, where, f"the policy {name} on {table} is missing", "Create it as the migration says that made it.")
            for table, name in sorted(missing)
            if table in found.owners
        ),
        *(
            problem(SUBJECT, where, f"the policy {name} on {table} is of no migration: it may open what was closed",
                    f"DROP POLICY {name} ON {table};")
            for table, name in sorted(strange)
        ),
    ]  # fmt: skip


def _judge_rights(where: str, promised: Promised, found: Found, role_names: Mapping[str, str]) -> list[Finding]:
    findings: list[Finding] = []
    for kind, table, right in sorted(promised.rights - found.rights):
        if kind in role_names and table in found.owners:
            name = role_names[kind]
            findings.append(problem(SUBJECT, where, f"{name} lacks {right} on {table}", f"GRANT {right} ON {table} TO {name};"))
    for kind, table, right in sorted(found.rights - promised.rights):
        name = role_names.get(kind, kind)
        mend = f"REVOKE {right} ON {table} FROM {name};"
        findings.append(problem(SUBJECT, where, f"{name} has {right} on {table}, which no migration gave", mend))
    return findings


def judge_migrations(where: str, known: Mapping[str, str], applied: Mapping[str, str]) -> list[Finding]:
    """Files by name and SHA-256: those of this release, and those that the database has seen."""
    found: list[Finding] = []
    missing = [name for name in known if name not in applied]
    if missing:
        mend = "Run the service's `migrate` with this release; its workers wait for it."
        found.append(problem(SUBJECT, where, f"{len(missing)} migrations are missing, from {missing[0]} on", mend))
    changed = [name for name in known if applied.get(name, known[name]) != known[name]]
    if changed:
        what = f"{changed[0]} was applied with other contents than it has in this release"
        found.append(problem(SUBJECT, where, what, "Use the release that made this database; a file never changes once applied."))
    strange = sorted(applied.keys() - known.keys())
    if strange:
        what = f"it has {strange[-1]}, which this release does not know: the database is newer"
        found.append(problem(SUBJECT, where, what, "Use the release that migrated it, here and for the services."))
    return or_ok(found, SUBJECT, where, f"all {len(known)} migrations are applied")


def judge_server(where: str, server: Server) -> list[Finding]:
    """Version, connections, and how long PostgreSQL can go on counting transactions."""
    found: list[Finding] = []
    if server.version < VERSION_MIN:
        what = f"PostgreSQL {server.version} does not know transaction_timeout: no service can connect"
        found.append(problem(SUBJECT, where, what, f"Use PostgreSQL {VERSION_TESTED}."))
    elif server.version < VERSION_TESTED:
        what = f"PostgreSQL {server.version} is older than what the platform is tested with"
        found.append(warning(SUBJECT, where, what, f"Use PostgreSQL {VERSION_TESTED}."))
    left = server.connections_max - server.connections
    if left < CONNECTIONS_FEW * server.connections_max:
        what = f"{left} of {server.connections_max} connections are left"
        level = problem if left < CONNECTIONS_ALMOST_NONE * server.connections_max else warning
        mend = "See who holds them (pg_stat_activity); then raise max_connections. Each process of a service takes up to 12."
        found.append(level(SUBJECT, where, what, mend))
    if server.transaction_age > WRAPAROUND_LATE:
        what = f"its oldest row is {server.transaction_age // 1_000_000} million transactions old: autovacuum does not keep up"
        level = problem if server.transaction_age > WRAPAROUND_NEAR else warning
        mend = "See what keeps it from freezing (old transactions, replication slots), then VACUUM (FREEZE) the database."
        found.append(level(SUBJECT, where, what, mend))
    return or_ok(found, SUBJECT, where, f"PostgreSQL {server.version}, {left} of {server.connections_max} connections left")


def judge_oldest_transaction(where: str, oldest: timedelta) -> list[Finding]:
    """A transaction that somebody forgot; each service ends its own after a minute."""
    if oldest <= LOCKED_UP_AFTER:
        return []
    what = f"a transaction has been open for {oldest.total_seconds() / 3600:.0f} h: nothing that was deleted since is cleaned up"
    return [warning(SUBJECT, where, what, "Find it in pg_stat_activity (xact_start), and end it with pg_terminate_backend.")]


def judge_strangers(where: str, *, anybody_may_connect: bool, database: str) -> list[Finding]:
    """Whether other roles of the same server get in."""
    if not anybody_may_connect:
        return []
    mend = f"REVOKE ALL ON DATABASE {database} FROM PUBLIC; the three roles keep their GRANT CONNECT."
    return [warning(SUBJECT, where, "every role of the server may connect to it", mend)]


def unreachable(where: str, reason: str, *, refused: bool) -> Finding:
    """No connection. `refused`: the server answered, and does not let us in."""
    if refused:
        return problem(
            SUBJECT, where, f"the server does not let us in: {reason}", "Check role, password and database in its URL."
        )
    mend = "See whether PostgreSQL runs, and whether host and port in the URL can be reached from here."
    return problem(SUBJECT, where, f"no connection: {reason}", mend)


def size(where: str, size_bytes: int) -> Finding:
    """How large the database is, where the room that is left cannot be asked for."""
    return ok("disk", where, f"{size_bytes / 1024**3:.1f} GiB; watch the free space where PostgreSQL runs")
