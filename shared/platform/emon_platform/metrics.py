"""Every metric of the platform, with its unit in the name. `docs/operations.md` says what to do about them.

No label ever holds what a person typed, an address or an id: values are names that stand in the code, topics and partitions.
"""

import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


class Reading(Collector):
    """A gauge that is left out while nobody knows its values: a figure of a minute ago would pass for one of now."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str] = ()) -> None:
        self.name = name
        self._documentation = documentation
        self._labels = labels
        self.values: Mapping[tuple[str, ...], float] = {}
        REGISTRY.register(self)

    def collect(self) -> Iterable[Metric]:
        """What Prometheus gets."""
        family = GaugeMetricFamily(self.name, self._documentation, labels=self._labels)
        for labels, value in self.values.items():
            family.add_metric(labels, value)
        yield family

    def describe(self) -> Iterable[Metric]:
        """Its name, for the registry."""
        yield GaugeMetricFamily(self.name, self._documentation, labels=self._labels)


_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_RECORDS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)

build_info = Gauge(
    "emon_build_info", "Always 1; labels say which service this process is, in which role, and its versions",
    ["service", "role", "version", "python"],
)  # fmt: skip
part_troubles = Gauge(
    "emon_part_troubles", "What keeps a part of a worker from its work, counted; /health/ready says it in words", ["part"]
)

requests_seconds = Histogram(
    "emon_http_request_duration_seconds",
    "From a request to the end of its answer, by the route's template; a stream of server-sent events ends with its page",
    ["method", "route", "status"],
    buckets=_SECONDS,
)

database_figures_up = Reading(
    "emon_database_figures_up",
    "1: all figures that a worker reads from its database are here and current; 0: the database did not answer within a second, "
    "and they are left out. Each worker of a service reads the same ones: take the max, never the sum",
)
outbox_events = Reading(
    "emon_outbox_events", "Committed events that Kafka has not acknowledged yet, counted up to 10,000; each worker says it"
)
outbox_age_seconds = Reading(
    "emon_outbox_oldest_age_seconds", "Age of the oldest event in the outbox, 0 where there is none; each worker says it"
)
dead_letters = Reading(
    "emon_dead_letters", "Records that wait for an operator (`emon dead-letters`), counted up to 10,000; each worker says it"
)
deliveries = Reading(
    "emon_deliveries",
    "Deliveries that are not settled, by state: waiting, queued, sending, deferred; held and uncertain wait for staff. Settled "
    "ones only grow in number and are not counted; each worker says it",
    ["state"],
)
queued_age_seconds = Reading(
    "emon_deliveries_oldest_queued_age_seconds",
    "For how long the delivery has been due that was queued first, 0 where none is queued; each worker says it",
)

relay_active = Reading("emon_relay_active", "1: this worker carries the events of its database to Kafka; 0: it stands by")
relay_batch_records = Histogram("emon_relay_batch_records", "Events sent to Kafka at once", buckets=_RECORDS)
relay_records = Counter("emon_relay_records", "Events that Kafka acknowledged")

records_handled = Counter("emon_consumer_records_handled", "Records handled", ["consumer"])
records_poison = Counter("emon_consumer_records_poison", "Records put into dead_letters", ["consumer"])
records_of_unknown_type = Counter(
    "emon_consumer_records_unknown", "Records passed over because their type is none of ours", ["consumer"]
)
partitions_stopped = Gauge(
    "emon_consumer_partitions_stopped", "Partitions that stand still until somebody mends the cause and restarts", ["consumer"]
)
batch_records = Histogram("emon_consumer_batch_records", "Records handled in one transaction", ["consumer"], buckets=_RECORDS)
batch_seconds = Histogram(
    "emon_consumer_batch_duration_seconds", "Time for one batch, its commit included", ["consumer"], buckets=_SECONDS
)
lag_records = Gauge(
    "emon_consumer_lag_records",
    "Offsets between what was handled and the end of a partition of this process; more than records, on compacted topics",
    ["consumer", "topic", "partition"],
)
lag_seconds = Gauge(
    "emon_consumer_lag_seconds",
    "Age of the oldest record of a partition that is not handled, 0 where all are; by the time at which it was sent to Kafka",
    ["consumer", "topic", "partition"],
)

mails = Counter(
    "emon_mails",
    "Tries to hand a mail to the mail server, by how they ended: accepted; deferred (4xx); bounced (5xx); not_sent, for certain; "
    "uncertain, where no reply came after the last byte",
    ["outcome"],
)
smtp_seconds = Histogram(
    "emon_smtp_transaction_duration_seconds",
    "From when the connection was free for a mail until it was known what became of it, by outcome",
    ["outcome"],
    buckets=_SECONDS,
)

timer_interval_seconds = Gauge("emon_timer_interval_seconds", "How often a timer is to run", ["timer"])
timer_last_success_seconds = Gauge(
    "emon_timer_last_success_timestamp_seconds",
    "When this process last ended a timer's work well (Unix time); take the max of all workers",
    ["timer"],
)


def platform_version() -> str:
    """The release that runs."""
    return version("emon-platform")


def say_build(service: str, role: str) -> None:
    """Which service this process is, and in which role."""
    build_info.labels(service, role, platform_version(), platform.python_version()).set(1)
