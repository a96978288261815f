"""`emon doctor` at a platform that runs."""

import json

from tests.end_to_end.conftest import World
from tests.end_to_end.platform_process import emon


async def test_a_platform_fresh_from_the_box_has_no_problems(world: World) -> None:
    code, output = await emon("doctor", "--json", home=world.process.home)
    said = json.loads(output)
    # What other tests leave behind, such as mails that are held, is a warning; so are variables of tests.
    assert [finding for finding in said["findings"] if finding["level"] == "problem"] == []
    assert said["level"] in ("ok", "warning")
    assert code == {"ok": 0, "warning": 1}[said["level"]]
    subjects = {finding["subject"] for finding in said["findings"]}
    assert subjects >= {"databases", "broker", "smtp", "dns", "clock", "disk", "lag"}


async def test_what_is_left_out_is_left_out(world: World) -> None:
    _, output = await emon("doctor", "--skip", "lag", "--skip", "databases", "--skip", "broker", home=world.process.home)
    assert "a name for trials" in output
    assert "outbox of contacts" not in output
    assert "signs in as api" not in output
