"""Lists of people on their way in, over HTTP, on a real database."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from httpx import Response

from emon_contacts.import_drafts import repository
from emon_contacts.import_drafts.commands import STEP_ROWS
from emon_contracts.actors import Actor, LinkPurpose, Role
from emon_embedded.service_databases import ServiceDatabase
from emon_embedded.stack import RunningPostgreSQL
from emon_platform.database import Database
from emon_platform.http.bodies import CSV, XLSX

from tests.contacts.conftest import ELSEWHERE, HERE, NEARBY, Api, Outbox, coordinator_of, holder, member
from tests.contacts.test_xlsx import workbook

DRAFTS = "/v1/people/import-drafts"
HEADER = "Vorname;Nachname;E-Mail;Helferkreis;Haupt-/Ehrenamt;Telefon\n"


async def hand_in(api: Api, actor: Actor, content: str | bytes, media_type: str = CSV) -> Response:
    body = content.encode() if isinstance(content, str) else content
    return await api.as_(actor).post(DRAFTS, content=body, headers={"Content-Type": media_type})


async def draft_of(api: Api, actor: Actor, content: str | bytes, media_type: str = CSV) -> tuple[str, dict[str, Any]]:
    """Where a draft is, and what it is."""
    answer = await hand_in(api, actor, content, media_type)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"], answer.json()


def guessed(draft: dict[str, Any], **defaults: Any) -> dict[str, Any]:
    """The matching that was guessed, as one says it by hand."""
    return {"columns": {str(column["index"]): column["field"] for column in draft["columns"]}, "defaults": defaults}


async def matched(api: Api, actor: Actor, content: str | bytes, **defaults: Any) -> tuple[str, dict[str, Any]]:
    """A draft that is matched as it was guessed."""
    path, draft = await draft_of(api, actor, content)
    answer = await api.as_(actor).put(f"{path}/matching", json=guessed(draft, **defaults))
    assert answer.status_code == 200, answer.text
    return path, answer.json()


async def take_all(api: Api, actor: Actor, path: str) -> dict[str, Any]:
    """Takes step after step; answers the last."""
    while True:
        answer = await api.as_(actor).post(f"{path}/steps")
        assert answer.status_code == 200, answer.text
        if answer.json()["finished"]:
            return answer.json()


async def rows_of(api: Api, actor: Actor, path: str, **query: Any) -> list[dict[str, Any]]:
    answer = await api.as_(actor).get(f"{path}/rows", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def counts(view: dict[str, Any]) -> tuple[int, int, int, int]:
    """New, changed, unchanged, refused, in a preview as in progress."""
    return view["new" if "new" in view else "entered"], view["changed"], view["unchanged"], view["refused"]


async def known_people(worker: Database) -> set[str]:
    async with worker.unscoped() as tx:
        return {row["display_name"] for row in await tx.fetch("SELECT display_name FROM people")}


async def test_a_list_is_handed_in_matched_looked_over_and_taken(api: Api, coordinator: Actor, outbox: Outbox) -> None:
    circle = await api.organisation(coordinator, "Helferkreis Süd")
    await api.person(coordinator, "Karl Kannt", circle, email="karl@example.org")
    parish = await api.organisation(coordinator, "Gemeinde", kind="parish")
    await api.person(coordinator, "Rosa Rot", parish, email="rosa@example.org")
    await outbox.clear()
    content = HEADER + (
        "Kim;Muster;kim@example.org;Helferkreis Süd;ehrenamtlich;1\n"
        "Karl;Kannt;karl@example.org;helferkreis SÜD;Ehrenamt;2\n"
        ";;;;;\n"
        "Rosa;Rot;ROSA@example.org;Helferkreis Süd;EA;3\n"
        "Kim;Muster;kim@example.org;Helferkreis Süd;hauptamtlich;4\n"
        "Erna;;keine;Niemand;irgendwie;5\n"
        "Erna;Muster;;Niemand;ea;6\n"
    )
    path, draft = await draft_of(api, coordinator, content.encode("windows-1252"))
    assert path == f"{DRAFTS}/{draft['id']}"
    assert [column["field"] for column in draft["columns"]] == [
        "given_name", "family_name", "email", "organisation", "engagement", None,
    ]  # fmt: skip
    assert draft["columns"][5] == {"index": 5, "header": "Telefon", "sample": ["1", "2", "3"], "field": None}
    assert (draft["rows"], draft["ready"], draft["missing"], draft["preview"]) == (6, True, [], None)
    required = [item["field"] for item in draft["fields"] if item["required"]]
    assert required == ["display_name", "organisation", "engagement"]
    unmatched = await api.as_(coordinator).post(f"{path}/steps")
    assert (unmatched.status_code, unmatched.json()["errors"][0]["code"]) == (409, "not-matched")

    answer = await api.as_(coordinator).put(f"{path}/matching", json=guessed(draft))
    assert counts(answer.json()["preview"]) == (1, 2, 1, 2)
    rows = await rows_of(api, coordinator, path)
    assert [(row["row"], row["outcome"]) for row in rows] == [
        (2, "new"), (3, "unchanged"), (5, "changed"), (6, "changed"), (7, "refused"), (8, "refused"),
    ]  # fmt: skip
    assert [(reason["column"], reason["field"], reason["code"]) for reason in rows[4]["reasons"]] == [
        (2, "email", "not-an-address"),
        (4, "engagement", "unknown-word"),
    ]
    assert [(reason["column"], reason["code"]) for reason in rows[5]["reasons"]] == [(3, "unknown-organisation")]
    assert await outbox.events() == [], "looking changes nothing"

    progress = await take_all(api, coordinator, path)
    assert counts(progress) == (1, 2, 1, 2)
    assert (progress["done"], progress["rows"]) == (6, 6)
    assert len(await outbox.events("directory.people")) == 2
    again = await api.as_(coordinator).post(f"{path}/steps")
    assert again.json() == progress
    assert (await api.as_(coordinator).get(path)).json()["progress"] == progress
    late = await api.as_(coordinator).put(f"{path}/matching", json=guessed(draft))
    assert (late.status_code, late.json()["errors"][0]["code"]) == (409, "already-taking")


async def test_refused_rows_are_mended_and_handed_in_again(api: Api, coordinator: Actor, worker: Database) -> None:
    await api.organisation(coordinator, "Helferkreis Süd")
    path, _ = await matched(
        api, coordinator, HEADER + "Kim;Müller;kim@;Helferkreis Süd;ea;12\nRobin;Rot;;Helferkreis Süd;ea;13\n"
    )
    before = await api.as_(coordinator).get(f"{path}/refused.csv")
    await take_all(api, coordinator, path)
    refused = await api.as_(coordinator).get(f"{path}/refused.csv")
    assert refused.content == before.content
    assert refused.headers["content-type"] == "text/csv; charset=utf-8"
    assert refused.content.startswith(b"\xef\xbb\xbfVorname;")
    assert refused.content.decode("utf-8-sig").splitlines() == [
        "Vorname;Nachname;E-Mail;Helferkreis;Haupt-/Ehrenamt;Telefon;Grund der Ablehnung",
        "Kim;Müller;kim@;Helferkreis Süd;ea;12;E-Mail: ist keine E-Mail-Adresse wie name@example.org",
    ]
    again, draft = await matched(api, coordinator, refused.content.replace(b";kim@;", b";kim@example.org;"))
    assert [column["header"] for column in draft["columns"]] == HEADER.strip().split(";")
    assert counts(draft["preview"]) == (1, 0, 0, 0)
    await take_all(api, coordinator, again)
    assert await known_people(worker) == {"Kim Müller", "Robin Rot"}
    nobody = await api.as_(coordinator).get(f"{again}/refused.csv")
    assert len(nobody.content.splitlines()) == 1


async def test_an_excel_list_with_defaults(api: Api, worker: Database) -> None:
    both = coordinator_of(HERE, NEARBY)
    circle = await api.organisation(both, "Café Welt", ags=HERE)
    nearby = await api.organisation(both, "Café Welt", ags=NEARBY)

    def fill(sheet: Any) -> None:
        sheet.title = "Helferliste"
        sheet.append(["Name", "E-Mail", "Verein", "Gemeinde"])
        sheet.append(["Kim Muster", "kim@example.org", None, None])
        sheet.append(["Robin Muster", None, "Café Welt", int(NEARBY)])
        sheet.append(["Erna Muster", None, "Café Welt", None])

    path, draft = await draft_of(api, both, workbook(fill), XLSX)
    assert (draft["sheet"], draft["ready"], draft["missing"]) == ("Helferliste", False, ["engagement"])
    client = api.as_(both)
    incomplete = (await client.put(f"{path}/matching", json=guessed(draft))).json()
    assert (incomplete["ready"], incomplete["preview"]) == (False, None)
    assert (await client.post(f"{path}/steps")).status_code == 409
    body = guessed(draft, organisation_id=circle["id"], engagement="volunteer", locale="en")
    answer = (await client.put(f"{path}/matching", json=body)).json()
    assert answer["defaults"] == {"organisation_id": circle["id"], "engagement": "volunteer", "ags": None, "locale": "en"}
    assert counts(answer["preview"]) == (2, 0, 0, 1)
    [refused] = await rows_of(api, both, path, outcome="refused")
    assert [(refused["row"], reason["code"]) for reason in refused["reasons"]] == [(4, "which-municipality")]
    await take_all(api, both, path)
    async with worker.unscoped() as tx:
        rows = await tx.fetch(
            """
            SELECT person.display_name, person.locale, membership.organisation_id, membership.ags
            FROM people AS person
            JOIN memberships AS membership ON membership.person_id = person.id
            ORDER BY person.display_name
            """
        )
    assert [tuple(row) for row in rows] == [
        ("Kim Muster", "en", UUID(circle["id"]), HERE),
        ("Robin Muster", "en", UUID(nearby["id"]), NEARBY),
    ]


async def test_what_is_said_by_hand_must_fit(api: Api, coordinator: Actor, stranger: Actor) -> None:
    foreign = await api.organisation(stranger, "Fremd", ags=ELSEWHERE)
    path, draft = await draft_of(api, coordinator, HEADER + "Kim;Muster;;Niemand;ea;1\n")
    client = api.as_(coordinator)
    for body, code, pointer in (
        ({"columns": {"6": "email"}}, "unknown-column", "/columns"),
        ({"columns": {"0": "email", "1": "email"}}, "matched-twice", "/columns"),
        (guessed(draft, organisation_id=foreign["id"]), "unknown-organisation", "/defaults/organisation_id"),
        (guessed(draft, organisation_id=str(uuid4())), "unknown-organisation", "/defaults/organisation_id"),
        ({"columns": {"0": "shoe size"}}, "enum", "/columns/0"),
        (guessed(draft, ags="1"), "string_pattern_mismatch", "/defaults/ags"),
    ):
        answer = await client.put(f"{path}/matching", json=body)
        assert answer.status_code == 422
        [error] = answer.json()["errors"]
        assert (error["code"], error["pointer"]) == (code, pointer)


async def test_somebody_known_elsewhere_looks_new(api: Api, worker: Database) -> None:
    here, elsewhere = coordinator_of(HERE), coordinator_of(ELSEWHERE)
    await api.organisation(here)
    other = await api.organisation(elsewhere, "Café Welt", ags=ELSEWHERE)
    await api.person(elsewhere, "Kim Muster", other, email="kim@example.org", locale="en")
    answers: list[Any] = []
    for name, address in (("Kim", "kim@example.org"), ("Robin", "robin@example.org")):
        row = f"{name};Muster;{address};Helferkreis Asyl;ea;\n"
        path, draft = await matched(api, here, HEADER + row + row)
        rows = [(item["row"], item["outcome"], item["reasons"]) for item in await rows_of(api, here, path)]
        answers.append((draft["preview"], rows, await take_all(api, here, path)))
    assert answers[0] == answers[1]
    assert counts(answers[0][0]) == counts(answers[0][2]) == (1, 0, 1, 0)
    assert await known_people(worker) == {"Kim Muster", "Robin Muster"}


@pytest.fixture
async def long_list(api: Api, coordinator: Actor) -> str:
    """A draft of 1,200 people, matched; of every seventh the row is refused."""
    await api.organisation(coordinator)
    rows = "".join(
        f"Person;{number};{f'p{number}@example.org' if number % 7 else 'p@'};Helferkreis Asyl;ea;\n" for number in range(1200)
    )
    path, draft = await matched(api, coordinator, HEADER + rows)
    assert counts(draft["preview"]) == (1028, 0, 0, 172)
    return path


async def test_rows_are_listed_in_pages(api: Api, coordinator: Actor, long_list: str) -> None:
    client = api.as_(coordinator)
    seen: list[int] = []
    query: dict[str, Any] = {"outcome": "refused", "limit": 100}
    while True:
        page = (await client.get(f"{long_list}/rows", params=query)).json()
        seen += [item["row"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == [number + 2 for number in range(1200) if number % 7 == 0]
    for cursor in ("x", "WzFlOTld", "Wy0xXQ", "WzQyOTQ5NjcyOTZd"):  # [1e99], [-1], [4294967296]
        assert (await client.get(f"{long_list}/rows", params={"cursor": cursor})).status_code == 422


async def test_steps_at_the_same_moment_take_every_row_once(
    api: Api, coordinator: Actor, long_list: str, outbox: Outbox, worker: Database
) -> None:
    await outbox.clear()
    answers = await asyncio.gather(*(api.as_(coordinator).post(f"{long_list}/steps") for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(answer.json()["done"] for answer in answers) == [500, 1000, 1200, 1200, 1200]
    last = max((answer.json() for answer in answers), key=lambda progress: progress["done"])
    assert counts(last) == (1028, 0, 0, 172)
    records = await outbox.events("directory.people")
    assert (len(records), {record.sequence for record in records}) == (1028, {1})
    async with worker.unscoped() as tx:
        assert await tx.fetchval("SELECT count(*) FROM people") == 1028


async def test_a_step_that_fails_takes_nothing(
    api: Api, coordinator: Actor, long_list: str, urls: ServiceDatabase, postgresql: RunningPostgreSQL, outbox: Outbox
) -> None:
    """The connection is cut when everything is entered and the position is about to move."""
    client = api.as_(coordinator)
    first = (await client.post(f"{long_list}/steps")).json()
    assert first["done"] == STEP_ROWS
    await outbox.clear()
    superuser = await asyncpg.connect(postgresql.superuser_url, database=urls.name, ssl=False)
    # Whoever moves a position ends their own connection, as a crash of the server would.
    await superuser.execute(
        """
        CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
        'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END';
        CREATE TRIGGER cut BEFORE UPDATE OF position ON import_drafts FOR EACH ROW EXECUTE FUNCTION cut();
        """
    )
    failed = await client.post(f"{long_list}/steps")
    assert failed.status_code == 503
    await superuser.execute("DROP TRIGGER cut ON import_drafts")
    await superuser.close()
    assert (await client.get(long_list)).json()["progress"] == first
    assert await outbox.events() == []
    last = await take_all(api, coordinator, long_list)
    assert counts(last) == (1028, 0, 0, 172)
    assert len(await outbox.events("directory.people")) == 1028 - first["entered"]


async def test_matching_and_a_step_at_the_same_moment_wait_for_each_other(api: Api, coordinator: Actor, long_list: str) -> None:
    client = api.as_(coordinator)
    draft = (await client.get(long_list)).json()
    stepped, matching = await asyncio.gather(
        client.post(f"{long_list}/steps"), client.put(f"{long_list}/matching", json=guessed(draft))
    )
    assert stepped.status_code == 200
    assert matching.status_code in (200, 409)
    assert counts(await take_all(api, coordinator, long_list)) == (1028, 0, 0, 172)


async def test_a_draft_is_there_for_who_handed_it_in_alone(api: Api, coordinator: Actor, stranger: Actor) -> None:
    circle = await api.organisation(coordinator)
    path, draft = await matched(api, coordinator, HEADER + "Kim;Muster;;Helferkreis Asyl;ea;1\n")
    asked: list[tuple[str, str, Any]] = [
        ("GET", path, None),
        ("PUT", f"{path}/matching", guessed(draft)),
        ("GET", f"{path}/rows", None),
        ("POST", f"{path}/steps", None),
        ("GET", f"{path}/refused.csv", None),
    ]
    for actor, status in (
        (stranger, 404),
        (coordinator_of(HERE), 404),
        (member(Role.VOLUNTEER, circle["id"]), 403),
        (None, 401),
    ):
        for method, place, body in asked:
            answer = await api.as_(actor).request(method, place, json=body)
            assert answer.status_code == status, f"{method} {place}"
    unknown = path.replace(draft["id"], str(uuid4()))
    for method, place, body in asked:
        answer = await api.as_(coordinator).request(method, place.replace(path, unknown), json=body)
        assert answer.status_code == 404
    assert (await api.as_(coordinator).get(path)).json()["progress"]["done"] == 0
    assert (await hand_in(api, member(Role.VOLUNTEER, circle["id"]), HEADER)).status_code == 403


async def test_drafts_are_kept_for_a_day(
    api: Api, coordinator: Actor, worker: Database, postgresql: RunningPostgreSQL, urls: ServiceDatabase
) -> None:
    path, _ = await matched(api, coordinator, HEADER + "Kim;Muster;;Niemand;ea;1\n")

    async def age(hours: int) -> tuple[int, int]:
        """Lets the clock go on, which only the superuser can; answers the status, and how many rows the sweep leaves."""
        superuser = await asyncpg.connect(postgresql.superuser_url, database=urls.name, ssl=False)
        await superuser.execute("UPDATE import_drafts SET created_at = now() - make_interval(hours => $1)", hours)
        status = (await api.as_(coordinator).get(f"{path}/refused.csv")).status_code
        async with worker.unscoped() as tx:
            await repository.sweep(tx)
        left = await superuser.fetchval("SELECT count(*) FROM import_draft_rows")
        await superuser.close()
        return status, left

    assert await age(23) == (200, 1)
    assert await age(25) == (404, 0)


async def test_of_what_was_taken_nothing_is_kept(
    api: Api, coordinator: Actor, postgresql: RunningPostgreSQL, urls: ServiceDatabase
) -> None:
    await api.organisation(coordinator)
    path, _ = await matched(api, coordinator, HEADER + "Kim;Muster;;Helferkreis Asyl;ea;1\nRobin;Rot;x;Helferkreis Asyl;ea;2\n")
    await take_all(api, coordinator, path)
    superuser = await asyncpg.connect(postgresql.superuser_url, database=urls.name, ssl=False)
    kept = [row["cells"][0] for row in await superuser.fetch("SELECT cells FROM import_draft_rows")]
    await superuser.close()
    assert kept == ["Robin"]
    [row] = await rows_of(api, coordinator, path)
    assert (row["row"], row["taken"], row["outcome"]) == (3, True, "refused")


async def test_whoever_erases_themselves_is_forgotten_in_lists(api: Api, coordinator: Actor) -> None:
    circle = await api.organisation(coordinator)
    mail = "kim.muster@example.org"
    kim = (await api.person(coordinator, "Kim Muster", circle, email=mail)).json()["id"]
    client = api.as_(coordinator)
    rows = (
        f"K.;M.;{mail.upper()};Helferkreis Asyl;ea;1\n"
        "KIM;muster;;Helferkreis Asyl;ea;2\n"
        '"Muster, Kim";;;Helferkreis Asyl;ea;3\n'
        "Kim;Mustermann;;Helferkreis Asyl;ea;4\n"
        "Muster;Robin;;Helferkreis Asyl;ea;5\n"
    )
    path, _ = await matched(api, coordinator, HEADER + rows)
    without_header, _ = await draft_of(api, coordinator, "Kim;Muster\nRobin;Rot\n")
    own, _ = await draft_of(api, Actor(UUID(kim), coordinator.grants), HEADER + "Robin;Rot;;;;\n")
    assert (await api.as_(holder(kim, LinkPurpose.ERASURE)).post(f"/v1/people/{kim}/erasure")).status_code == 204
    assert [row["row"] for row in await rows_of(api, coordinator, path)] == [5, 6]
    assert (await client.get(without_header)).status_code == 404
    assert (await api.as_(Actor(UUID(kim), coordinator.grants)).get(own)).status_code == 404
    progress = await take_all(api, coordinator, path)
    assert (progress["done"], progress["rows"], progress["entered"]) == (5, 5, 2)


async def test_a_list_that_is_none_is_refused(api: Api, coordinator: Actor) -> None:
    for content, media_type in ((b"", CSV), (b"Name\n", CSV), (b"Name\nKim\n", XLSX), (b"PK\x03\x04\x00", CSV)):
        answer = await hand_in(api, coordinator, content, media_type)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["code"] == "unreadable-list"
    wrong = await hand_in(api, coordinator, "{}", "application/json")
    assert (wrong.status_code, wrong.headers["accept"]) == (415, f"{CSV}, {XLSX}")
    for media_type in (CSV, XLSX):
        assert (await hand_in(api, coordinator, b"x" * (8 * 1024 * 1024 + 1), media_type)).status_code == 413


async def test_the_longest_list_is_looked_over_in_one_go(api: Api, coordinator: Actor) -> None:
    await api.organisation(coordinator)
    rows = "".join(f"Person;{number};p{number}@example.org;Helferkreis Asyl;ea;\n" for number in range(20_000))
    path, draft = await matched(api, coordinator, HEADER + rows)
    assert counts(draft["preview"]) == (20_000, 0, 0, 0)
    assert (await api.as_(coordinator).post(f"{path}/steps")).json()["entered"] == STEP_ROWS
