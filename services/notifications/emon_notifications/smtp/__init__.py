"""The stage that hands mails to a mail server, and says exactly what became of each."""

from emon_notifications.smtp.connection import ConnectFailed, Connection
from emon_notifications.smtp.results import Accepted, InDoubt, NotSent, Outgoing, Rejected, Result, Stage
from emon_notifications.smtp.settings import SmtpSettings, Tls

__all__ = [
    "Accepted",
    "ConnectFailed",
    "Connection",
    "InDoubt",
    "NotSent",
    "Outgoing",
    "Rejected",
    "Result",
    "SmtpSettings",
    "Stage",
    "Tls",
]
