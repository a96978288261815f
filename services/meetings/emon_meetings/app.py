"""What meetings is made of."""

from collections.abc import Sequence

from emon_meetings.invitations import routes as invitation_routes
from emon_meetings.invitations.commands import invite_new_members
from emon_meetings.meetings import routes as meeting_routes
from emon_meetings.settings import MeetingsSettings
from emon_platform import directory
from emon_platform.consumer import dead_letters, inbox
from emon_platform.consumer.subscriptions import Subscription
from emon_platform.database import Database
from emon_platform.http import idempotency
from emon_platform.service import Service, Worker
from emon_platform.timers import Timer

SWEEP_EVERY_S = 3600.0


def subscriptions() -> Sequence[Subscription]:
    """Listens to the directory; invites those who join an organisation later."""
    return directory.subscriptions(after_people=invite_new_members)


def worker(_settings: MeetingsSettings, _database: Database) -> Worker:
    """What runs besides the routes."""
    return Worker(
        subscriptions=subscriptions(),
        timers=(
            Timer("sweep idempotency keys", SWEEP_EVERY_S, idempotency.sweep),
            Timer("sweep inbox", SWEEP_EVERY_S, inbox.sweep),
            Timer("sweep dead letters", SWEEP_EVERY_S, dead_letters.sweep),
        ),
    )


SERVICE = Service(
    name="meetings",
    title="EmON meetings: regular exchange",
    settings=MeetingsSettings,
    routers=(meeting_routes.router, invitation_routes.router),
    worker=worker,
)
