"""`emon import`, as the operator types it, on a real database."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from emon_embedded.service_databases import ServiceDatabase
from emon_operator.importing import commands

from tests.contacts.conftest import HERE, Outbox
from tests.contacts.register import encoded, sample

pytestmark = pytest.mark.usefixtures("database")


async def emon_import(urls: ServiceDatabase, *arguments: str | Path) -> Result:
    environment = {"EMON_DATABASE_API_URL": urls.api_url, "COLUMNS": "200"}
    # In a thread, since the command runs a loop of its own.
    return await asyncio.to_thread(CliRunner().invoke, commands, [str(item) for item in arguments], env=environment)


async def test_the_register_is_imported(urls: ServiceDatabase, tmp_path: Path) -> None:
    file = tmp_path / "GV100AD.txt"
    file.write_bytes(encoded([*sample("20260228"), "?"], "iso-8859-1"))
    result = await emon_import(urls, "municipalities", file, "--strict")
    assert "21 municipalities read; 19 new, 2 changed, 0 closed, 0 unchanged." in result.stdout
    assert "GV100AD.txt, line 27: '?' is no record type" in result.stdout
    assert result.exit_code == 2
    file.write_bytes(encoded(sample("20260228")))
    result = await emon_import(urls, "municipalities", file)
    assert "0 new, 0 changed, 0 closed, 21 unchanged." in result.stdout
    assert result.exit_code == 0
    file.write_bytes(encoded(sample("20250131")))
    assert "left as they are: states 08" in (await emon_import(urls, "municipalities", file)).stdout
    # ELSEWHERE and the sample's last village are gone: 2 of 23 are more than 5 %.
    file.write_bytes(encoded([line.replace("20260131", "20260331", 1) for line in sample() if "Neudorf 16" not in line]))
    refused = await emon_import(urls, "municipalities", file)
    assert (refused.exit_code, "--accept-closures" in refused.stderr) == (1, True)
    accepted = await emon_import(urls, "municipalities", file, "--accept-closures")
    assert (accepted.exit_code, "2 closed" in accepted.stdout) == (0, True)


async def test_rejected_rows_are_written_beside(urls: ServiceDatabase, tmp_path: Path, outbox: Outbox) -> None:
    file = tmp_path / "kreise.csv"
    file.write_text(f"name,kind,ags\nKreis,helper_circle,{HERE}\nClub,club,{HERE}\n")
    strict = await emon_import(urls, "organisations", file, "--strict")
    assert strict.exit_code == 2
    result = await emon_import(urls, "organisations", file)
    assert result.exit_code == 0
    assert "1 accepted, 1 rejected." in result.stdout
    assert "row 3, kind: " in result.stdout
    beside = tmp_path / "kreise.csv.rejected.csv"
    beside.write_text(beside.read_text("utf-8-sig").replace(",club,", ",other,"))
    result = await emon_import(urls, "organisations", beside)
    assert (result.exit_code, "1 accepted, 0 rejected." in result.stdout) == (0, True)
    people = tmp_path / "leute.csv"
    people.write_text("email;display_name;locale;organisation;engagement\n;Erna Muster;;Kreis;volunteer\n")
    result = await emon_import(urls, "people", people)
    assert (result.exit_code, "1 accepted, 0 rejected." in result.stdout) == (0, True)
    [registered] = [event for event in await outbox.events() if "person-registered" in event.type]
    assert registered.body["entered_by"] is None


async def test_what_cannot_be_imported_is_said(urls: ServiceDatabase, tmp_path: Path) -> None:
    file = tmp_path / "leer.csv"
    file.write_bytes(b"")
    for resource, words in (("people", "The first row must name the columns"), ("municipalities", "GV100AD")):
        result = await emon_import(urls, resource, file)
        assert (result.exit_code, words in result.stderr) == (1, True)
    nowhere = await asyncio.to_thread(
        CliRunner().invoke, commands, ["people", str(file), "--home", str(tmp_path)], env={"EMON_DATABASE_API_URL": None}
    )
    assert (nowhere.exit_code, "No platform runs in" in nowhere.stderr) == (1, True)
    closed = await asyncio.to_thread(
        CliRunner().invoke, commands, ["people", str(file)], env={"EMON_DATABASE_API_URL": "postgresql://x:y@127.0.0.1:1/z"}
    )
    assert (closed.exit_code, "Is the platform running?" in closed.stderr) == (1, True)
