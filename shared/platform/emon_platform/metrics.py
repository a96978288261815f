"""Every metric of the platform, with its unit in the name."""

from prometheus_client import Counter, Gauge, Histogram

records_handled = Counter("emon_consumer_records_handled", "Records handled", ["consumer"])
records_poison = Counter("emon_consumer_records_poison", "Records put into dead_letters", ["consumer"])
records_of_unknown_type = Counter(
    "emon_consumer_records_unknown_type", "Records of a type that is none of ours", ["consumer", "type"]
)
partitions_stopped = Gauge("emon_consumer_partitions_stopped", "Partitions that wait for an operator", ["consumer"])
requests_seconds = Histogram("emon_http_request_seconds", "Time to answer", ["method", "route", "status"])
