"""The demonstration plays its story, also a second time on the same data."""

from tests.end_to_end.conftest import World
from tests.end_to_end.platform_process import emon


async def test_the_demonstration_comes_true_twice(world: World) -> None:
    for _ in range(2):
        code, output = await emon("demo", home=world.process.home)
        assert code == 0, output
        assert "26 accepted, 2 by_hand" in output
        assert "Where to look" in output


async def test_dead_letters_are_listed_where_there_are_none(world: World) -> None:
    assert await emon("dead-letters", "list", "notifications", home=world.process.home) == (0, "There are no dead letters.\n")
