"""What the database of gateway is made of."""

from collections.abc import Mapping

from emon_platform.migrations import Migration, migrations_of, platform_migrations

# Columns that hold nothing about a person, as in emon_platform.schema.
IMPERSONAL: Mapping[str, str] = {
    "deliveries": "delivery_id subject_id ags category",
    "feedback": "feedback_id ags kind awaited",
    "invitations": "invitation_id meeting_id ags",
    "meetings": "meeting_id ags start_time_zone",
    "sign_in_requests": "id",
    "used_sign_in_links": "identifier",
}


def migrations() -> list[Migration]:
    """All tables, in order: those of the platform, then its own."""
    platform = platform_migrations("outbox", "consumers", "directory")
    return [*platform, *migrations_of("emon_gateway", source="gateway")]
