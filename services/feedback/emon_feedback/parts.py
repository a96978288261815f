"""What the routes of feedback work with besides the database."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parts:
    """`public_url` is where the gateway is reached from outside, without a slash at its end."""

    mediator_email: str | None
    public_url: str
