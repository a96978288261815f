"""The composition of notifications."""

from collections.abc import Sequence

from emon_notifications.deliveries import routes
from emon_notifications.mailing import repository as mailing
from emon_notifications.mailing.letters import Writer
from emon_notifications.mailing.mailer import Mailer
from emon_notifications.mailing.measuring import of_deliveries
from emon_notifications.planning import repository as planning
from emon_notifications.planning.subscribers import Planner
from emon_notifications.restoring.holding import Holding
from emon_notifications.settings import NotificationsSettings
from emon_notifications.smtp import SmtpSettings
from emon_notifications.undelivered import repository as undelivered
from emon_platform import metrics
from emon_platform.consumer import dead_letters, inbox
from emon_platform.consumer.subscriptions import Subscription
from emon_platform.database import Database, Transaction
from emon_platform.service import Service, Worker
from emon_platform.signed_links import load_key
from emon_platform.timers import Timer

NAME = "notifications"


async def _resolve_attempts(tx: Transaction) -> None:
    metrics.mails.labels("uncertain").inc(await mailing.resolve_attempts_of_dead_mailers(tx))


TIMERS = (
    Timer("attempts of dead mailers", 1.0, _resolve_attempts),
    Timer("expiry of deliveries", 15.0, planning.expire),
    Timer("deliveries that nobody was told of", 60.0, undelivered.tell_forgotten),
    Timer("suppressed addresses of nobody", 3600.0, planning.forget_unused_addresses),
    Timer("inbox", 3600.0, inbox.sweep),
    Timer("dead letters", 3600.0, dead_letters.sweep),
)


def subscriptions() -> Sequence[Subscription]:
    """What it listens to."""
    return Planner().subscriptions()


def _worker(settings: NotificationsSettings, database: Database) -> Worker:
    if settings.signed_link_private_key_file is None:
        raise ValueError("EMON_SIGNED_LINK_PRIVATE_KEY_FILE must name the private key with which links are signed")
    planner = Planner(settings.hold_events_before, settings.introduce_after)
    listens_to = planner.subscriptions()
    topics = [subscription.topic for subscription in listens_to]
    holding = Holding(database, settings.kafka, NAME, topics, settings.hold_events_before)
    mailer = Mailer(
        database,
        settings.database_worker_url,
        SmtpSettings.from_url(settings.smtp_url),
        Writer(settings.sender(), load_key(settings.signed_link_private_key_file)),
        connections=settings.mail_connections,
        per_minute=settings.mails_per_minute,
        before_taking=holding.hold_what_a_backup_brought_back,
    )
    introductions = Timer("introductions", 15.0, planner.introduce)
    return Worker(subscriptions=listens_to, timers=(*TIMERS, introductions), parts=(mailer,), figures=(of_deliveries,))


SERVICE = Service(
    name=NAME,
    title="EmON notifications",
    settings=NotificationsSettings,
    routers=(routes.router,),
    worker=_worker,
)
