"""Signed links and actor tokens: what was not signed by us, or not for this, opens nothing."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given, strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from emon_contracts.actors import Actor, Grant, LinkCapability, LinkPurpose, Role
from emon_platform.identity import LIFETIME, ActorVerifier, InvalidToken, sign_actor
from emon_platform.signed_links import ExpiredLink, InvalidLink, Purpose, SignedLink, Signer, verify

NOW = datetime(2027, 1, 1, 12, tzinfo=UTC)
KEY, OTHER_KEY = OKPKey.generate_key("Ed25519"), OKPKey.generate_key("Ed25519")

links = st.builds(
    SignedLink,
    purpose=st.sampled_from(Purpose),
    identifier=st.uuids(),
    subject_id=st.uuids(),
    revision=st.integers(0, 2**32 - 1),
    person_id=st.uuids(),
    issued_at=st.just(NOW),
    expires_at=st.just(NOW + timedelta(days=90)),
)


@given(links)
def test_a_link_comes_back_as_it_was_signed(link: SignedLink) -> None:
    token = Signer(KEY).sign(link)
    assert re.fullmatch(r"[A-Za-z0-9_-]{172}", token)
    assert verify(token, KEY, NOW) == link


@given(links, st.integers(0, 171), st.sampled_from("AZaz09-_"))
def test_a_link_changed_anywhere_is_refused(link: SignedLink, place: int, character: str) -> None:
    token = Signer(KEY).sign(link)
    changed = token[:place] + character + token[place + 1 :]
    if changed != token:
        with pytest.raises(InvalidLink):
            verify(changed, KEY, NOW)


@given(st.text())
def test_what_is_no_link(text: str) -> None:
    with pytest.raises(InvalidLink):
        verify(text, KEY, NOW)


def test_a_link_of_another_key_or_past_its_time_is_refused() -> None:
    link = SignedLink(Purpose.SIGN_IN, uuid4(), uuid4(), 0, uuid4(), NOW, NOW + timedelta(minutes=30))
    with pytest.raises(InvalidLink):
        verify(Signer(OTHER_KEY).sign(link), KEY, NOW)
    with pytest.raises(ExpiredLink):
        verify(Signer(KEY).sign(link), KEY, NOW + timedelta(minutes=30))


ACTOR = Actor(uuid4(), (Grant(role=Role.COORDINATOR, ags="08115003"),))


def test_an_actor_comes_back_for_the_service_it_was_signed_for() -> None:
    for actor in (ACTOR, Actor(uuid4(), link=LinkCapability(LinkPurpose.INVITATION, uuid4(), 3))):
        assert ActorVerifier(KEY, "meetings").verify(sign_actor(actor, "meetings", KEY, NOW), NOW) == actor


def test_a_token_ends_also_where_it_was_seen_before() -> None:
    verifier = ActorVerifier(KEY, "meetings")
    token = sign_actor(ACTOR, "meetings", KEY, NOW)
    verifier.verify(token, NOW)
    with pytest.raises(InvalidToken):
        verifier.verify(token, NOW + LIFETIME + timedelta(seconds=11))


def test_tokens_that_open_nothing() -> None:
    verifier = ActorVerifier(KEY, "meetings")
    claims: dict[str, object] = {"iss": "emon-gateway", "aud": "meetings", "sub": str(uuid4()), "exp": 2**33, "grants": []}
    unsigned = "eyJ0eXAiOiJlbW9uLWFjdG9yK2p3dCIsImFsZyI6Im5vbmUifQ.e30."
    public_key_as_secret = jwt.encode(
        {"alg": "HS256", "typ": "emon-actor+jwt"},
        claims,
        OctKey.import_key(str(KEY.as_dict(private=False)["x"])),
        algorithms=["HS256"],
    )
    for token in (
        sign_actor(ACTOR, "contacts", KEY, NOW),
        sign_actor(ACTOR, "meetings", OTHER_KEY, NOW),
        Signer(KEY).sign(SignedLink(Purpose.SIGN_IN, uuid4(), uuid4(), 0, uuid4(), NOW, NOW)),
        jwt.encode({"alg": "Ed25519"}, claims, KEY, algorithms=["Ed25519"]),
        unsigned,
        public_key_as_secret,
        "",
    ):
        with pytest.raises(InvalidToken):
            verifier.verify(token, NOW)
