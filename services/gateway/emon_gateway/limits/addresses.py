"""Where a request comes from, for limits: the nearest network address that is not one of our own proxies."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.requests import Request

# A household or a provider's customer gets a whole /64 (RFC 6177): single addresses in it cost nothing.
IPV6_PREFIX_LENGTH = 64


def network_of(request: Request, trusted: Sequence[IPv4Network | IPv6Network]) -> str:
    """The address of a client, or its /64. X-Forwarded-For is read from the right, and only past proxies that are trusted."""
    claimed = [part.strip() for value in request.headers.getlist("x-forwarded-for") for part in value.split(",")]
    address = _address(request.client.host if request.client else "")
    while address is not None and claimed and any(address in network for network in trusted):
        nearer = _address(claimed.pop())
        if nearer is None:
            break
        address = nearer
    if address is None:
        return "unknown"
    if isinstance(address, IPv6Address):
        return str(ip_network((address, IPV6_PREFIX_LENGTH), strict=False))
    return str(address)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
