"""A permission counts only in the scope of the grant that carries it; nobody grants beyond their own."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given, strategies as st
from pydantic import ValidationError

from emon_contracts.actors import ANONYMOUS, Actor, Engagement, Grant, LinkCapability, LinkPurpose, Role
from emon_contracts.directory import MembershipRecord, effective_grants
from emon_contracts.permissions import LINKS, PERMISSIONS, Permission, may_grant, scope_of

A, B = "08115003", "08999001"
CIRCLE, TOWN_HALL = UUID(int=1), UUID(int=2)

grants = st.one_of(
    st.just(Grant(role=Role.NETWORK_ADMIN)),
    st.builds(Grant, role=st.just(Role.COORDINATOR), ags=st.sampled_from([A, B])),
    st.builds(
        Grant,
        role=st.sampled_from([Role.STAFF, Role.CIRCLE_SPEAKER, Role.VOLUNTEER]),
        ags=st.sampled_from([A, B]),
        organisation_id=st.sampled_from([CIRCLE, TOWN_HALL]),
    ),
)


def test_staff_here_and_volunteer_there_reads_people_here_and_the_circle_there() -> None:
    both = Actor(
        uuid4(),
        (Grant(role=Role.STAFF, ags=A, organisation_id=TOWN_HALL), Grant(role=Role.VOLUNTEER, ags=B, organisation_id=CIRCLE)),
    )
    people = scope_of(both, Permission.PERSON_READ)
    assert people is not None
    assert (people.municipalities, people.organisations) == ({A}, {CIRCLE})
    meetings = scope_of(both, Permission.MEETING_WRITE)
    assert meetings is not None
    assert meetings.covers(A)
    assert not meetings.covers(B)
    assert meetings.organisations == frozenset()


def test_without_a_role_there_is_what_is_ones_own_and_nothing_else() -> None:
    nobody = Actor(uuid4())
    own = scope_of(nobody, Permission.MEETING_READ)
    assert own is not None
    assert own.person_id == nobody.person_id
    assert not (own.everywhere or own.municipalities or own.organisations)
    assert scope_of(nobody, Permission.MEETING_WRITE) is None


@given(st.lists(grants), st.sampled_from(LinkPurpose), st.sampled_from(Permission))
def test_a_link_never_widens_into_a_session(held: list[Grant], purpose: LinkPurpose, permission: Permission) -> None:
    link = LinkCapability(purpose, uuid4(), 0)
    scope = scope_of(Actor(uuid4(), tuple(held), link), permission)
    assert (scope is not None) == (permission in LINKS[purpose])
    if scope is not None:
        assert scope.link == link
        assert not (scope.everywhere or scope.municipalities or scope.organisations or scope.person_id)


def test_a_link_about_its_holder_reaches_what_is_theirs() -> None:
    holder = uuid4()
    scope = scope_of(Actor(holder, link=LinkCapability(LinkPurpose.ERASURE, holder, 0)), Permission.PERSON_ERASE)
    assert scope is not None
    assert scope.person_id == holder


@given(st.sampled_from(Permission))
def test_who_says_nothing_of_themselves_may_do_what_is_for_nobody_else(permission: Permission) -> None:
    scope = scope_of(ANONYMOUS, permission)
    assert (scope is not None) == (permission is Permission.FEEDBACK_ANONYMOUS)
    assert scope is None or scope.person_id is None
    assert Role.ANONYMOUS not in PERMISSIONS[permission] or len(PERMISSIONS[permission]) == 1


# The administration makes coordinators, and reads no feedback itself.
BEYOND_THE_ADMINISTRATION = {Permission.FEEDBACK_READ, Permission.FEEDBACK_ANSWER}


@given(st.lists(grants), grants)
def test_who_may_grant_something_already_reaches_it_all(held: list[Grant], wanted: Grant) -> None:
    granter, receiver = Actor(uuid4(), tuple(held)), Actor(uuid4(), (wanted,))
    if not may_grant(granter, wanted):
        return
    for permission in Permission:
        theirs, mine = scope_of(receiver, permission), scope_of(granter, permission)
        if theirs is None or not (theirs.everywhere or theirs.municipalities):
            continue
        assert mine is not None
        if permission in BEYOND_THE_ADMINISTRATION and Grant(role=Role.NETWORK_ADMIN) in held:
            continue
        assert mine.everywhere or (not theirs.everywhere and theirs.municipalities <= mine.municipalities)


def test_a_coordinator_grants_in_their_own_municipality_alone() -> None:
    coordinator = Actor(uuid4(), (Grant(role=Role.COORDINATOR, ags=A),))
    assert may_grant(coordinator, Grant(role=Role.COORDINATOR, ags=A))
    assert may_grant(coordinator, Grant(role=Role.STAFF, ags=A, organisation_id=TOWN_HALL))
    assert not may_grant(coordinator, Grant(role=Role.COORDINATOR, ags=B))
    assert not may_grant(coordinator, Grant(role=Role.VOLUNTEER, ags=B, organisation_id=CIRCLE))
    assert not may_grant(coordinator, Grant(role=Role.NETWORK_ADMIN))


@pytest.mark.parametrize(
    "fields",
    [{"role": "network_admin", "ags": A}, {"role": "coordinator"}, {"role": "staff", "ags": A}, {"role": "themself"},
     {"role": "coordinator", "ags": A, "organisation_id": str(CIRCLE)}, {"role": "volunteer", "organisation_id": str(CIRCLE)}],
)  # fmt: skip
def test_a_grant_has_the_scope_of_its_role(fields: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Grant.model_validate(fields)


def test_a_membership_carries_its_role_once() -> None:
    membership = MembershipRecord(organisation_id=CIRCLE, ags=A, engagement=Engagement.VOLUNTEER)
    explicit = Grant(role=Role.VOLUNTEER, ags=A, organisation_id=CIRCLE)
    assert effective_grants((membership,), (explicit,)) == (explicit,)
    assert effective_grants((membership,), ()) == (explicit,)


def test_every_permission_is_in_the_table() -> None:
    assert set(PERMISSIONS) == set(Permission)
