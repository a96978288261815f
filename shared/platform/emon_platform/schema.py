"""The platform's own tables in the databases of services."""

from collections.abc import Mapping

# Columns that can hold text, JSON, bytes or an id, and hold nothing about a person. docs/privacy.md names all others; a test
# (tests/documents/test_privacy.py) sees to it that every column stands in one of both.
IMPERSONAL: Mapping[str, str] = {
    "consumer_offsets": "consumer topic",
    "dead_letters": "consumer topic reason",
    "directory_municipalities": "ags name successor",
    "directory_organisations": "organisation_id name kind municipalities",
    "idempotency_keys": "route resource_id",
    "inbox": "event_id",
    "outbox": "topic",
    "restores": "consumer topic",
    "schema_migrations": "name sha256",
}
