"""What the database of notifications is made of."""

from collections.abc import Mapping

from emon_platform.migrations import Migration, migrations_of, platform_migrations

# Columns that hold nothing about a person, as in emon_platform.schema.
IMPERSONAL: Mapping[str, str] = {
    "address_changes": "change_id",
    "attempts": "id mail_id outcome stage",
    "deliveries": "id event_id channel category subject_id ags mail_id attempt_id traceparent",
    "feedback": "feedback_id ags kind phase",
    "feedback_requests": "feedback_id",
    "guests": "meeting_id invitation_id",
    "mails": "id kind",
    "meetings": "meeting_id ags kind start_time_zone",
    "newcomers": "mail_id",
}


def migrations() -> list[Migration]:
    """All tables, in order: those of the platform, then its own."""
    return [
        *platform_migrations("outbox", "consumers", "directory"),
        *migrations_of("emon_notifications", source="notifications"),
    ]
