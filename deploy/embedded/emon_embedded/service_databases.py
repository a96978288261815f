"""One database for each service, and the three roles that share it.

`S_owner` owns the database and runs the migrations; `S_api` and `S_worker` are held by row-level security. No other role may
connect.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import asyncpg

SUPERUSER = "postgres"
KINDS_OF_ROLE = ("owner", "api", "worker")


@dataclass(frozen=True)
class DatabaseServer:
    """Where PostgreSQL is (`place`: host:port), and who may do everything there, for whoever needs that."""

    place: str
    superuser_password: str = field(default="", repr=False)
    superuser: str = SUPERUSER

    async def answers(self) -> bool:
        """Whether it answers its superuser."""
        try:
            connection = await asyncpg.connect(self.url(), timeout=5)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        await connection.close()
        return True

    def url(self, database: str = "postgres", user: str | None = None, password: str | None = None) -> str:
        """Where to connect; as the superuser unless it says otherwise."""
        secret = quote(password or self.superuser_password, safe="")
        return f"postgresql://{user or self.superuser}:{secret}@{self.place}/{database}"


@dataclass(frozen=True)
class ServiceDatabase:
    """Where one service finds its database, in each of its roles."""

    name: str
    owner_url: str
    api_url: str
    worker_url: str


def role_name(service: str, kind: str) -> str:
    """`contacts_owner`, `contacts_api`, `contacts_worker`, …"""
    return f"{service}_{kind}"


def role_names(services: tuple[str, ...]) -> list[str]:
    """All roles of all these services."""
    return [role_name(service, kind) for service in services for kind in KINDS_OF_ROLE]


def service_database(
    server: DatabaseServer, service: str, passwords: Mapping[str, str], name: str | None = None
) -> ServiceDatabase:
    """The URLs of a service's database, which is named after it unless `name` says otherwise."""
    owner, api, worker = (server.url(name or service, role, passwords[role]) for role in role_names((service,)))
    return ServiceDatabase(name=name or service, owner_url=owner, api_url=api, worker_url=worker)


async def create_service_databases(server: DatabaseServer, services: tuple[str, ...], passwords: Mapping[str, str]) -> None:
    """Databases and roles as they should be, whatever of them exists already. Passwords are set anew."""
    connection = await asyncpg.connect(server.url())
    try:
        await _keep_strangers_out(connection, "postgres")
        for service in services:
            for role in role_names((service,)):
                await create_role(connection, role, passwords[role])
            if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", service):
                await create_database(connection, service, service)
            await admit_roles(connection, service, service)
    finally:
        await connection.close()


async def create_role(connection: "asyncpg.Connection[Any]", role: str, password: str) -> None:
    """A role that may log in and nothing more, with this password."""
    verb = "ALTER" if await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role) else "CREATE"
    attributes = "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION"
    await _execute(connection, f"{verb} ROLE %I {attributes} PASSWORD %L", role, password)


async def create_database(connection: "asyncpg.Connection[Any]", name: str, service: str, template: str = "template0") -> None:
    """A database that belongs to the service's owner, empty or a copy of `template`.

    Copied as files, for a quarter of the processor time that it takes to write every page to the log.
    """
    statement = "CREATE DATABASE %I OWNER %I TEMPLATE %I STRATEGY FILE_COPY"
    await _execute(connection, statement, name, role_name(service, "owner"), template)


async def admit_roles(connection: "asyncpg.Connection[Any]", name: str, service: str) -> None:
    """Lets the three roles of the service in, and nobody else."""
    await _keep_strangers_out(connection, name)
    for role in role_names((service,)):
        await _execute(connection, "GRANT CONNECT ON DATABASE %I TO %I", name, role)


async def _keep_strangers_out(connection: "asyncpg.Connection[Any]", name: str) -> None:
    await _execute(connection, "REVOKE ALL ON DATABASE %I FROM PUBLIC", name)


async def _execute(connection: "asyncpg.Connection[Any]", statement: str, *values: str) -> None:
    """Runs DDL, which takes no parameters, with names and literals quoted by the server itself."""
    await connection.execute(await connection.fetchval("SELECT format($1, VARIADIC $2::text[])", statement, list(values)))
