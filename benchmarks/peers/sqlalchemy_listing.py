"""FastAPI, SQLAlchemy 2 (asyncio, asyncpg) and `response_model`, put together as their documentation shows.

A session for each request from a dependency, `expire_on_commit=False`, `selectinload` for the municipalities, a keyset on the
columns of an index, the token verified by the same library as ours. One uvicorn process with uvloop and httptools, no access log.
"""

import asyncio
import base64
import json
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated
from uuid import UUID

import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import BaseModel, ConfigDict
from sqlalchemy import ForeignKey, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, selectinload

arguments = json.loads(sys.argv[1])
engine = create_async_engine(
    arguments["url"].replace("postgresql://", "postgresql+asyncpg://"), pool_size=arguments["connections"], max_overflow=0
)
sessions = async_sessionmaker(engine, expire_on_commit=False)
public_key = OKPKey.import_key(json.loads(Path(arguments["public_key_file"]).read_text()))
expected = jwt.JWTClaimsRegistry(aud={"essential": True, "value": "contacts"}, exp={"essential": True})
app = FastAPI()
bearer = HTTPBearer()


class Base(DeclarativeBase):
    pass


class Area(Base):
    __tablename__ = "organisation_areas"

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    ags: Mapped[str] = mapped_column(primary_key=True)
    search_key: Mapped[str]


class Organisation(Base):
    __tablename__ = "organisations"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    kind: Mapped[str]
    areas: Mapped[list[Area]] = relationship(order_by=Area.ags)

    @property
    def municipalities(self) -> list[str]:
        return [area.ags for area in self.areas]


class OrganisationView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    kind: str
    municipalities: list[str]


class Page(BaseModel):
    items: list[OrganisationView]
    next_cursor: str | None


def caller(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> dict:
    try:
        claims = jwt.decode(credentials.credentials, public_key, algorithms=["Ed25519"]).claims
        expected.validate(claims)
    except JoseError as error:
        raise HTTPException(401) from error
    return claims


async def session() -> AsyncIterator[AsyncSession]:
    async with sessions() as opened, opened.begin():
        yield opened


SETTINGS = text("""
    SELECT set_config('emon.caller', :person, true), set_config('emon.everywhere', 'off', true),
        set_config('emon.municipalities', :municipalities, true), set_config('emon.organisations', '', true),
        set_config('emon.person', '', true), set_config('emon.link_subject', '', true)
""")


@app.get("/v1/organisations", response_model=Page)
async def list_organisations(
    claims: Annotated[dict, Depends(caller)],
    session: Annotated[AsyncSession, Depends(session)],
    limit: int = 50,
    cursor: str | None = None,
):
    reached = [grant["ags"] for grant in claims["grants"] if grant["role"] == "coordinator"]
    await session.execute(SETTINGS, {"person": claims["sub"], "municipalities": ",".join(reached)})
    query = (
        select(Organisation, Area.search_key)
        .join(Area, Area.organisation_id == Organisation.id)
        .where(Area.ags.in_(reached))
        .options(selectinload(Organisation.areas))
        .order_by(Area.search_key, Area.organisation_id)
        .limit(limit + 1)
    )
    if cursor is not None:
        search_key, identifier = json.loads(base64.urlsafe_b64decode(cursor))
        query = query.where(tuple_(Area.search_key, Area.organisation_id) > tuple_(search_key, UUID(identifier)))
    found = (await session.execute(query)).all()
    next_cursor = None
    if len(found) > limit:
        organisation, search_key = found[limit - 1]
        next_cursor = base64.urlsafe_b64encode(json.dumps([search_key, str(organisation.id)]).encode()).decode()
    return {"items": [organisation for organisation, _ in found[:limit]], "next_cursor": next_cursor}


async def main() -> None:
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    config = uvicorn.Config(app, http="httptools", access_log=False, log_level="warning")
    await uvicorn.Server(config).serve(sockets=[listening])


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
