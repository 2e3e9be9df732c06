import re
from collections.abc import Callable
from typing import TypeAlias

import pytest

from hub.commands.line import main

GROUPS = (
    "accounts",
    "agency",
    "audit",
    "evidence",
    "keys",
    "deadletter",
    "invalid",
    "topology",
    "backup",
    "reconcile",
    "conformance",
)
SINGLE = (
    "up",
    "down",
    "status",
    "run",
    "serve",
    "console",
    "demo",
    "send",
    "inbox",
    "trace",
    "queues",
    "restore",
)

Typed: TypeAlias = Callable[..., str]


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Typed:
    """Type a command and read what it writes."""

    def type_(*arguments: str, wants: int = 0) -> str:
        code = main(arguments)
        written = capsys.readouterr()
        assert code == wants, written
        return written.out + written.err

    return type_


def test_the_whole_names_every_command(typed: Typed) -> None:
    text = typed("--help")

    assert all(re.search(rf"^  {command}  ", text, re.MULTILINE) for command in (*GROUPS, *SINGLE))


@pytest.mark.parametrize("group", GROUPS)
def test_every_command_of_a_group_has_help_with_an_example(typed: Typed, group: str) -> None:
    commands = re.findall(r"^  (\w+)  ", typed(group, "--help").partition("Commands:")[2], re.MULTILINE)

    helps = {command: typed(group, command, "--help") for command in commands}

    assert helps
    assert [command for command, text in helps.items() if f"  truc {group} {command}" not in text] == []
    assert [command for command, text in helps.items() if "--json" not in text] == []


@pytest.mark.parametrize("command", SINGLE)
def test_every_single_command_has_help_with_an_example(typed: Typed, command: str) -> None:
    assert f"  truc {command}" in typed(command, "--help")


@pytest.mark.parametrize(
    "arguments",
    [("nonsense",), ("agency",), ("trace",), ("queues", "--no-such-option"), ("run", "--hubs", "0")],
)
def test_wrong_usage_is_told_with_exit_code_two(typed: Typed, arguments: tuple[str, ...]) -> None:
    assert "help" in typed(*arguments, wants=2)
