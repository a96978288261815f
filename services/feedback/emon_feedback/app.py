"""What feedback is made of."""

from collections.abc import Sequence
from datetime import UTC, datetime

from fastapi import FastAPI

from emon_feedback.anonymous import routes as anonymous
from emon_feedback.escalation.commands import look_after_due
from emon_feedback.feedback import routes as feedback
from emon_feedback.keeping.commands import blank_old_texts, forget_erased_people
from emon_feedback.meetings.subscribers import subscription as meetings
from emon_feedback.parts import Parts
from emon_feedback.settings import FeedbackSettings
from emon_feedback.submitting import routes as submitting
from emon_platform import directory
from emon_platform.consumer import dead_letters, inbox
from emon_platform.consumer.subscriptions import Subscription
from emon_platform.database import Database, Transaction
from emon_platform.http import idempotency
from emon_platform.service import Service, Worker
from emon_platform.timers import Timer

LOOK_EVERY_S = 60.0
SWEEP_EVERY_S = 3600.0
BLANK_EVERY_S = 86400.0


def prepare(settings: FeedbackSettings, app: FastAPI) -> None:
    """What the routes work with."""
    app.state.parts = Parts(settings.mediator_email, settings.public_url.rstrip("/"))


def subscriptions() -> Sequence[Subscription]:
    """Listens to the directory and to meetings."""
    return (*directory.subscriptions(after_people=forget_erased_people), meetings())


def worker(settings: FeedbackSettings, _database: Database) -> Worker:
    """Asks the next ones when a deadline passes; forgets what must not be kept."""

    async def look(tx: Transaction) -> None:
        await look_after_due(tx, datetime.now(UTC), settings.mediator_email)

    async def blank(tx: Transaction) -> None:
        await blank_old_texts(tx, datetime.now(UTC))

    return Worker(
        subscriptions=subscriptions(),
        timers=(
            Timer("feedback that is due", LOOK_EVERY_S, look),
            Timer("old texts", BLANK_EVERY_S, blank),
            Timer("sweep idempotency keys", SWEEP_EVERY_S, idempotency.sweep),
            Timer("sweep inbox", SWEEP_EVERY_S, inbox.sweep),
            Timer("sweep dead letters", SWEEP_EVERY_S, dead_letters.sweep),
        ),
    )


SERVICE = Service(
    name="feedback",
    title="EmON feedback: resonance",
    settings=FeedbackSettings,
    routers=(submitting.router, feedback.router, anonymous.router),
    worker=worker,
    prepare=prepare,
)
