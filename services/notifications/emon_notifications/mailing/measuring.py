"""What is told of each try to those who run the platform: metrics, and a span in the trace of what the mail tells of."""

from collections.abc import Mapping

from emon_notifications.deliveries.rules import Status
from emon_notifications.mailing.outcomes import Posted
from emon_notifications.mailing.repository import Finished
from emon_notifications.smtp import SmtpSettings
from emon_platform import metrics, tracing
from emon_platform.database import Transaction
from emon_platform.metrics import Reading


def note_try(posted: Posted, finished: Finished, server: SmtpSettings, seconds: float) -> None:
    """A try that ended so. `seconds`: since the connection was free for it."""
    metrics.mails.labels(finished.outcome).inc()
    metrics.smtp_seconds.labels(finished.outcome).observe(seconds)
    if not tracing.is_on():
        return
    attributes: dict[str, str | int] = {
        "network.protocol.name": "smtp",
        "server.address": server.host,
        "server.port": server.port,
        "emon.mail.id": str(finished.mail_id),
        "emon.mail.kind": posted.letter.tell.kind.value,
        "emon.mail.outcome": finished.outcome,
    }
    if finished.code is not None:
        attributes["emon.smtp.reply_code"] = finished.code
    failure = None if finished.outcome == "accepted" else finished.outcome
    cause = posted.letter.due[0].traceparent
    tracing.record("smtp", tracing.Kind.CLIENT, attributes, cause=cause, seconds=seconds, failure=failure)


UNSETTLED = (Status.WAITING, Status.QUEUED, Status.SENDING, Status.DEFERRED, Status.HELD, Status.UNCERTAIN)


async def of_deliveries(tx: Transaction) -> Mapping[Reading, Mapping[tuple[str, ...], float]]:
    """How many deliveries are in each state that something still leads on from, and how long the first has been due.

    Each state has an index of what is in it alone, so that settled deliveries, of which there are millions, cost nothing.
    """
    rows = await tx.fetch(
        """
        SELECT 'queued' AS status, count(*), extract(epoch FROM now() - min(updated_at)) AS age_s
        FROM deliveries
        WHERE status = 'queued'
        UNION ALL
        SELECT 'sending', count(*), NULL FROM deliveries WHERE status = 'sending'
        UNION ALL
        SELECT status, count(*), NULL
        FROM deliveries
        WHERE status IN ('waiting', 'deferred', 'held', 'uncertain')
        GROUP BY status
        """
    )
    by_status = {row["status"]: row for row in rows}
    return {
        metrics.deliveries: {(status,): by_status[status]["count"] if status in by_status else 0 for status in UNSETTLED},
        metrics.queued_age_seconds: {(): max(float(by_status[Status.QUEUED]["age_s"] or 0), 0)},
    }
