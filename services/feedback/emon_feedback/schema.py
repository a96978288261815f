"""What the database of feedback is made of."""

from emon_platform.migrations import Migration, migrations_of, platform_migrations


def migrations() -> list[Migration]:
    """All tables, in order: those of the platform, then its own."""
    return [
        *platform_migrations("outbox", "consumers", "idempotency", "directory"),
        *migrations_of("emon_feedback", source="feedback"),
    ]
