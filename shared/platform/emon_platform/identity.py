"""Actor tokens: how a service knows who calls. The gateway signs them, each for one service and for a minute.

A compact JWT (RFC 7519) with EdDSA. Grants travel as they are held, not expanded. Services verify with the public key and accept
nothing else: no session, no other algorithm, no token for another service.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import ValidationError

from emon_contracts.actors import Actor, Grant, LinkCapability, LinkPurpose

ALGORITHM = "Ed25519"
ISSUER = "emon-gateway"
TYPE = "emon-actor+jwt"
LIFETIME = timedelta(seconds=60)
CLOCK_SKEW = timedelta(seconds=10)


class InvalidToken(ValueError):
    """No valid token of the gateway for this service."""


def sign_actor(actor: Actor, audience: str, key: OKPKey, now: datetime) -> str:
    """A token with which `audience` (a service's name) knows the actor for LIFETIME."""
    claims: dict[str, object] = {
        "iss": ISSUER,
        "aud": audience,
        "sub": str(actor.person_id),
        "iat": int(now.timestamp()),
        "exp": int((now + LIFETIME).timestamp()),
        "grants": [grant.model_dump(mode="json", exclude_none=True) for grant in actor.grants],
    }
    if actor.link is not None:
        claims["link"] = {
            "purpose": actor.link.purpose,
            "subject_id": str(actor.link.subject_id),
            "revision": actor.link.revision,
        }
    return jwt.encode({"alg": ALGORITHM, "typ": TYPE, "kid": key.kid or key.thumbprint()}, claims, key, algorithms=[ALGORITHM])


class ActorVerifier:
    """Verifies tokens for one service. Remembers what it verified until it expires: a signature costs more than a look-up."""

    REMEMBERED_MAX = 10_000

    def __init__(self, key: OKPKey, audience: str) -> None:
        self._key = key
        self._audience = audience
        self._remembered: dict[str, tuple[float, Actor]] = {}

    def verify(self, token: str, now: datetime) -> Actor:
        """The actor of a token. Raises InvalidToken."""
        moment = now.timestamp()
        known = self._remembered.get(token)
        if known is None:
            known = self._read(token)
            if len(self._remembered) >= self.REMEMBERED_MAX:
                self._remembered = {key: entry for key, entry in self._remembered.items() if entry[0] > moment}
                if len(self._remembered) >= self.REMEMBERED_MAX:
                    self._remembered.clear()
            self._remembered[token] = known
        expires, actor = known
        if moment >= expires + CLOCK_SKEW.total_seconds():
            raise InvalidToken("expired")
        return actor

    def _read(self, token: str) -> tuple[float, Actor]:
        try:
            decoded = jwt.decode(token, self._key, algorithms=[ALGORITHM])
            claims = decoded.claims
            if decoded.header.get("typ") != TYPE or claims["iss"] != ISSUER or claims["aud"] != self._audience:
                raise InvalidToken("for somebody else")
            link = claims.get("link")
            return float(claims["exp"]), Actor(
                person_id=UUID(claims["sub"]),
                grants=tuple(Grant.model_validate(grant) for grant in claims["grants"]),
                link=None if link is None else _capability(link),
            )
        except (JoseError, ValidationError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise InvalidToken("not a token of the gateway for this service") from error


def _capability(link: Any) -> LinkCapability:
    return LinkCapability(LinkPurpose(link["purpose"]), UUID(link["subject_id"]), int(link["revision"]))
