"""The Kafka topics of the platform: name, kind, and how long they keep what they hold."""

from dataclasses import dataclass
from datetime import timedelta

EVENT_RETENTION = timedelta(days=35)
COMPACTION_LAG_MAX = timedelta(hours=1)

# Fixed when a topic is created: a key's partition, and with it its order, depends on the number.
PARTITIONS = 4


@dataclass(frozen=True, slots=True)
class Topic:
    """A `compacted` topic keeps the newest record of each key, any other keeps everything for EVENT_RETENTION."""

    name: str
    compacted: bool = False
    partitions: int = PARTITIONS


CONTACTS_EVENTS = Topic("emon.contacts.events")
MEETINGS_EVENTS = Topic("emon.meetings.events")
FEEDBACK_EVENTS = Topic("emon.feedback.events")
NOTIFICATIONS_EVENTS = Topic("emon.notifications.events")
GATEWAY_EVENTS = Topic("emon.gateway.events")

DIRECTORY_PEOPLE = Topic("emon.directory.people", compacted=True)
DIRECTORY_ORGANISATIONS = Topic("emon.directory.organisations", compacted=True)
DIRECTORY_MUNICIPALITIES = Topic("emon.directory.municipalities", compacted=True)

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
