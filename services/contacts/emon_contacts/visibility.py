"""The inner wall: what a caller sees inside the municipalities that row-level security lets them reach."""

from dataclasses import dataclass
from uuid import UUID

from emon_contracts.actors import Actor
from emon_contracts.permissions import PERMISSIONS, Permission, Reach, scope_of
from emon_contracts.values import Ags


@dataclass(frozen=True, slots=True)
class Visibility:
    """How far a permission reaches, organisations by municipality: a role in a circle ends at its municipality."""

    everywhere: bool
    municipalities: frozenset[Ags]
    circles: frozenset[tuple[UUID, Ags]]
    person_id: UUID | None

    def narrowed_to(self, ags: Ags) -> "Visibility":
        """The part of it that lies in one municipality."""
        covered = self.everywhere or ags in self.municipalities
        return Visibility(
            everywhere=False,
            municipalities=frozenset({ags}) if covered else frozenset(),
            circles=frozenset(circle for circle in self.circles if circle[1] == ags),
            person_id=self.person_id,
        )

    def circle_columns(self) -> tuple[list[UUID], list[Ags]]:
        """The circles as two columns, for `unnest`."""
        return [organisation_id for organisation_id, _ in self.circles], [ags for _, ags in self.circles]


def visibility_of(actor: Actor, permission: Permission) -> Visibility:
    """What the actor sees by this permission; nothing where they do not hold it."""
    scope = scope_of(actor, permission)
    if scope is None:
        return Visibility(everywhere=False, municipalities=frozenset(), circles=frozenset(), person_id=None)
    reaches = PERMISSIONS[permission]
    return Visibility(
        everywhere=scope.everywhere,
        municipalities=scope.municipalities,
        circles=frozenset(
            (grant.organisation_id, grant.ags)
            for grant in actor.grants
            if reaches.get(grant.role) is Reach.ORGANISATION and grant.organisation_id and grant.ags
        ),
        person_id=scope.person_id,
    )
