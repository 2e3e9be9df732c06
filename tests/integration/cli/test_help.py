import re
import time

import pytest

from tests.integration.cli.conftest import CommandLine

GROUPS = ("agency", "keys", "deadletter", "invalid", "topology")
SINGLE = ("up", "down", "status", "run", "serve", "demo", "send", "inbox", "trace", "queues")


async def test_help_is_there_at_once(truc: CommandLine) -> None:
    took = []
    for _ in range(3):
        began = time.monotonic()
        await truc("--help")
        took.append(time.monotonic() - began)

    assert min(took) < 0.5


@pytest.mark.parametrize("group", GROUPS)
async def test_every_command_of_a_group_has_help_with_an_example(truc: CommandLine, group: str) -> None:
    text = await truc(group, "--help")
    commands = re.findall(r"^  (\w+)  ", text.partition("Commands:")[2], re.MULTILINE)

    helps = [await truc(group, command, "--help") for command in commands]

    assert commands
    assert all(f"truc {group} {command}" in text for command, text in zip(commands, helps, strict=True))
    assert all("--json" in text for text in helps)


async def test_every_single_command_has_help_with_an_example(truc: CommandLine) -> None:
    helps = [await truc(command, "--help") for command in SINGLE]

    assert all(f"  truc {command}" in text for command, text in zip(SINGLE, helps, strict=True))


@pytest.mark.parametrize(
    "arguments",
    [("nonsense",), ("agency",), ("trace",), ("queues", "--no-such-option"), ("run", "--hubs", "0")],
)
async def test_wrong_usage_is_told_with_exit_code_two(truc: CommandLine, arguments: tuple[str, ...]) -> None:
    ended = await truc.run(*arguments)

    assert ended.code == 2
    assert "help" in ended.err
    assert "Traceback" not in ended.err
