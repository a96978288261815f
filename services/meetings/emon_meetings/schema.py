"""What the database of meetings is made of."""

from collections.abc import Mapping

from emon_platform.migrations import Migration, migrations_of, platform_migrations

# Columns that hold nothing about a person, as in emon_platform.schema.
IMPERSONAL: Mapping[str, str] = {
    "invitations": "id meeting_id ags",
    "meetings": "id ags kind time_zone status",
    "participants": "meeting_id ags organisation_id",
}


def migrations() -> list[Migration]:
    """All tables, in order: those of the platform, then its own."""
    return [
        *platform_migrations("outbox", "consumers", "idempotency", "directory"),
        *migrations_of("emon_meetings", source="meetings"),
    ]
