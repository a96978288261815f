"""Ports on 127.0.0.1: free ones for the parts within, a clear answer for the two that the operator names."""

import random
import socket
from contextlib import closing

LOOPBACK = "127.0.0.1"
# Below the range from which Linux takes the ports of outgoing connections (32768 and up), so that none of them comes in between.
_CHOSEN_FROM = range(20_000, 32_000)


class PortTaken(Exception):
    """A port that the operator asked for is in use."""


def free_ports(count: int) -> list[int]:
    """So many different ports on which nothing listens now."""
    chosen: list[int] = []
    for port in random.sample(_CHOSEN_FROM, len(_CHOSEN_FROM)):
        if len(chosen) == count:
            return chosen
        if is_free(port):
            chosen.append(port)
    raise PortTaken("No free port is left on 127.0.0.1")


def is_free(port: int) -> bool:
    """Whether a server could listen on this port now."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as tried:
        # As the servers do: connections that still linger in TIME_WAIT do not matter, a listener does.
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((LOOPBACK, port))
            tried.listen()
        except OSError:
            return False
    return True


def demand_free(port: int, what: str, setting: str) -> None:
    """Raises `PortTaken`, saying what it was wanted for and which setting changes it."""
    if not is_free(port):
        raise PortTaken(f"Port {port} on {LOOPBACK}, wanted for {what}, is taken. Choose another one with {setting}.")
