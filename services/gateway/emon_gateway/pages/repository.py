"""The SQL of what pages show by themselves, without asking a service."""

from dataclasses import dataclass

from emon_platform.database import Transaction


@dataclass(frozen=True, slots=True)
class Municipality:
    """A municipality of the register that was not merged into another."""

    ags: str
    name: str

    @property
    def label(self) -> str:
        """Its name with its key: two municipalities can have one name."""
        return f"{self.name} ({self.ags})"


async def municipalities_with_organisations(tx: Transaction) -> list[Municipality]:
    """Those in which somebody is active who could be meant, by name."""
    rows = await tx.fetch(
        """
        SELECT ags, name
        FROM directory_municipalities
        WHERE NOT closed
          AND ags IN (SELECT unnest(municipalities) FROM directory_organisations)
        ORDER BY name, ags
        """
    )
    return [Municipality(row["ags"], row["name"]) for row in rows]


async def municipality_of_key(tx: Transaction, ags: str) -> list[Municipality]:
    """The one with this key, if there is one."""
    rows = await tx.fetch("SELECT ags, name FROM directory_municipalities WHERE ags = $1 AND NOT closed", ags)
    return [Municipality(row["ags"], row["name"]) for row in rows]


async def municipalities_of_name(tx: Transaction, name: str) -> list[Municipality]:
    """Those of this name, with or without what the register adds to it: `Stuttgart, Landeshauptstadt`."""
    rows = await tx.fetch(
        """
        SELECT ags, name
        FROM directory_municipalities
        WHERE NOT closed
          AND lower($1) IN (lower(name), lower(split_part(name, ',', 1)))
        ORDER BY ags
        """,
        name,
    )
    return [Municipality(row["ags"], row["name"]) for row in rows]
