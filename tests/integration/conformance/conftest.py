"""One simulated axis for all tests of a session: its broker, its keys, and a folder for the team."""

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from hub.commands.conforming.acts import Outcome, conduct
from hub.commands.conforming.adapter import Commands
from hub.commands.conforming.place import Place

Conduct = Callable[..., Outcome]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.integration)
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("conformance")
    place = Place(home=home / "conformance")
    try:
        place.prepare()
        yield home
    finally:
        if place.is_running:  # killed, for nothing of it is kept
            place.broker.kill()
            place.broker.stop()


def commands_of(*words: str) -> Commands:
    """Return the commands of the program that *words* name."""
    program = f"{sys.executable} -m {' '.join(words)}"
    return Commands(
        adapter=f"{program} serve {{kit}}",
        send=f"{program} send {{kit}}",
        effects=f"{program} effects {{kit}}",
    )


def conducted(home: Path, commands: Commands, *only: str, folder: Path, within: float = 10.0) -> Outcome:
    """Let an adapter go through the scenarios that are named."""
    # What an earlier adapter of this session had in its hands is no business of this one.
    for file in (home / "conformance" / "adapter").glob("*.db*"):
        file.unlink()
    return conduct(home, commands, only, within=within, name="under test", folder=folder, told=_ignore)


@pytest.fixture
def run(home: Path, tmp_path: Path) -> Conduct:
    """Let an adapter go through scenarios, with a report of its own."""
    return partial(conducted, home, folder=tmp_path / "report")


def _ignore(_result: object) -> None:
    """Tell nobody."""


def failed(outcome: Outcome) -> set[str]:
    return names(outcome, "fail")


def names(outcome: Outcome, *verdicts: str) -> set[str]:
    results = outcome.told["results"]
    assert isinstance(results, Sequence)
    return {each["name"] for each in results if each["verdict"] in verdicts}
