"""What the database of contacts is made of."""

from collections.abc import Mapping

from emon_platform.migrations import Migration, migrations_of, platform_migrations

# Columns that hold nothing about a person, as in emon_platform.schema.
IMPERSONAL: Mapping[str, str] = {
    "address_changes": "id",
    "import_draft_rows": "draft_id outcome",
    "import_drafts": "id fields default_organisation_id default_engagement default_ags default_locale expected",
    "imports": "id resource",
    "municipalities": "ags state name search_key type_code post_code successor",
    "organisation_areas": "organisation_id ags name_key search_key",
    "organisations": "id name search_key kind spelling",
    "people": "etag_seed",
}


def migrations() -> list[Migration]:
    """All tables, in order: those of the platform, then its own."""
    platform = platform_migrations("outbox", "idempotency")
    return [*platform, *migrations_of("emon_contacts", source="contacts")]
