"""What the gateway's routes work with, put together once by the composition root."""

from dataclasses import dataclass

from joserfc.jwk import OKPKey

from emon_gateway.limits.rates import Rates
from emon_gateway.routing.actor_tokens import ActorTokens
from emon_gateway.sign_in.rules import Terms


@dataclass(frozen=True, slots=True)
class Parts:
    """Nothing here is open; connections to the services are in `Services`, for as long as the application runs."""

    terms: Terms
    rates: Rates
    link_key: OKPKey
    actor_tokens: ActorTokens
    public_origin: str
