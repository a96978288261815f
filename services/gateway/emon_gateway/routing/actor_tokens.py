"""Actor tokens for the services, each made once and used until half its life is over.

A token says what its actor may do and nothing of the session, so one who is equal gets the same: the services, which
remember what they verified, need not verify again.
"""

from datetime import datetime

from joserfc.jwk import OKPKey

from emon_contracts.actors import Actor
from emon_platform.identity import LIFETIME, sign_actor

REMEMBERED_MAX = 10_000
USED_FOR = LIFETIME / 2


class ActorTokens:
    """Signs with the gateway's private key."""

    def __init__(self, key: OKPKey) -> None:
        self._key = key
        self._made: dict[tuple[Actor, str], tuple[datetime, str]] = {}

    def token_for(self, actor: Actor, service: str, now: datetime) -> str:
        """A token that is valid for at least another half of LIFETIME."""
        known = self._made.get((actor, service))
        if known is not None and now - known[0] < USED_FOR:
            return known[1]
        if len(self._made) >= REMEMBERED_MAX:
            self._made = {key: entry for key, entry in self._made.items() if now - entry[0] < USED_FOR}
            if len(self._made) >= REMEMBERED_MAX:
                self._made.clear()
        token = sign_actor(actor, service, self._key, now)
        self._made[actor, service] = (now, token)
        return token
