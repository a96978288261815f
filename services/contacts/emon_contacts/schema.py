"""What the database of contacts is made of."""

from emon_platform.migrations import Migration, migrations_of, platform_migrations


def migrations() -> list[Migration]:
    """All tables, in order: those of the platform, then its own."""
    platform = platform_migrations("outbox", "idempotency")
    return [*platform, *migrations_of("emon_contacts", source="contacts")]
