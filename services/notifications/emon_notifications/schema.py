"""What the database of notifications is made of."""

from emon_platform.migrations import Migration, migrations_of, platform_migrations


def migrations() -> list[Migration]:
    """All tables, in order: those of the platform, then its own."""
    return [
        *platform_migrations("outbox", "consumers", "directory"),
        *migrations_of("emon_notifications", source="notifications"),
    ]
