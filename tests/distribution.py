"""Which process runs which tests, where several share them: what the tests of a file share is started once.

Marks for the groups of pytest-xdist would say the same, and are of no effect since pytest 9.2 (pytest-dev/pytest-xdist#1386).
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# All of a folder that asks a whole platform stays in one process, which starts it once.
WITH_A_PLATFORM = ("tests/dashboard/", "tests/end_to_end/")
# What takes longest is begun first.
BEGUN_FIRST = (*WITH_A_PLATFORM, "tests/faults/", "tests/embedded/")


class ByWhatIsShared(LoadScopeScheduling):
    """Hands out whole files, and a folder that shares a platform as if it were one."""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in WITH_A_PLATFORM if nodeid.startswith(folder)), nodeid.partition("::")[0])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByWhatIsShared:
    return ByWhatIsShared(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves what is begun at the same time in the random order that it has."""
    items.sort(key=lambda item: [not item.nodeid.startswith(folder) for folder in BEGUN_FIRST])
