"""Settings of feedback."""

from pydantic import Field

from emon_contracts.values import EmailAddress
from emon_platform.settings import ServiceSettings


class FeedbackSettings(ServiceSettings):
    """What feedback needs besides what every service does."""

    mediator_email: EmailAddress | None = Field(
        default=None,
        description="Mailbox of the network's mediator, who is asked when nobody in a municipality answers. Whoever has it in "
        "the directory is the mediator",
    )
