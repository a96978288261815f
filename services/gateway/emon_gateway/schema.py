"""What the database of gateway is made of."""

from emon_platform.migrations import Migration, migrations_of, platform_migrations


def migrations() -> list[Migration]:
    """All tables, in order: those of the platform, then its own."""
    platform = platform_migrations("outbox", "consumers", "directory")
    return [*platform, *migrations_of("emon_gateway", source="gateway")]
