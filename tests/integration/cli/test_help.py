import time

from tests.integration.cli.conftest import CommandLine


async def test_help_is_there_at_once(truc: CommandLine) -> None:
    took = []
    for _ in range(3):
        began = time.monotonic()
        await truc("--help")
        took.append(time.monotonic() - began)

    assert min(took) < 0.5


async def test_wrong_usage_is_a_sentence_and_no_traceback(truc: CommandLine) -> None:
    ended = await truc.run("nonsense")

    assert (ended.code, ended.err) == (2, "No such command 'nonsense'. (--help shows how)\n")
