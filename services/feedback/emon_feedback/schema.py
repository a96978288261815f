"""What the database of feedback is made of."""

from collections.abc import Mapping

from emon_platform.migrations import Migration, migrations_of, platform_migrations

# Columns that hold nothing about a person, as in emon_platform.schema.
IMPERSONAL: Mapping[str, str] = {
    "asked": "feedback_id ags",
    "feedback": "id ags kind about_organisation_id about_meeting_id status",
    "meetings": "id ags",
    "messages": "id feedback_id",
}


def migrations() -> list[Migration]:
    """All tables, in order: those of the platform, then its own."""
    return [
        *platform_migrations("outbox", "consumers", "idempotency", "directory"),
        *migrations_of("emon_feedback", source="feedback"),
    ]
