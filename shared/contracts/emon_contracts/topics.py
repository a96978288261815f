"""The Kafka topics of the platform: name, kind, and how long they keep what they hold."""

from dataclasses import dataclass
from datetime import timedelta

EVENT_RETENTION = timedelta(days=35)
COMPACTION_LAG_MAX = timedelta(hours=1)

# Fixed when a topic is created: a key's partition, and with it its order, depends on the number.
PARTITIONS = 4


@dataclass(frozen=True, slots=True)
class Topic:
    """A `compacted` topic keeps the newest record of each key, any other keeps everything for EVENT_RETENTION.

    `publisher` is the one service that writes to it.
    """

    name: str
    publisher: str
    compacted: bool = False
    partitions: int = PARTITIONS


CONTACTS_EVENTS = Topic("emon.contacts.events", publisher="contacts")
MEETINGS_EVENTS = Topic("emon.meetings.events", publisher="meetings")
FEEDBACK_EVENTS = Topic("emon.feedback.events", publisher="feedback")
NOTIFICATIONS_EVENTS = Topic("emon.notifications.events", publisher="notifications")
GATEWAY_EVENTS = Topic("emon.gateway.events", publisher="gateway")

DIRECTORY_PEOPLE = Topic("emon.directory.people", publisher="contacts", compacted=True)
DIRECTORY_ORGANISATIONS = Topic("emon.directory.organisations", publisher="contacts", compacted=True)
DIRECTORY_MUNICIPALITIES = Topic("emon.directory.municipalities", publisher="contacts", compacted=True)

TOPICS = (
    CONTACTS_EVENTS,
    MEETINGS_EVENTS,
    FEEDBACK_EVENTS,
    NOTIFICATIONS_EVENTS,
    GATEWAY_EVENTS,
    DIRECTORY_PEOPLE,
    DIRECTORY_ORGANISATIONS,
    DIRECTORY_MUNICIPALITIES,
)
