"""The how-to shows the examples that there are, as they are."""

from pathlib import Path

import pytest

EXAMPLES = Path("adapters/kit/examples")
PAGE = Path("docs/how-to/use-the-kit.md").read_text("utf-8")
NAMES = sorted(each.stem for each in EXAMPLES.glob("[!_]*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_on_the_page_with_the_command_that_it_names_itself(name: str) -> None:
    written = (EXAMPLES / f"{name}.py").read_text("utf-8")
    (command,) = [line.strip() for line in written.splitlines() if line.startswith("    python -m ")]

    assert f"`{command}`" in PAGE
    assert f"(../../{EXAMPLES}/{name}.py)" in PAGE


def test_the_program_on_the_page_is_the_one_that_is_tested() -> None:
    assert (EXAMPLES / "receive_exactly_once.py").read_text("utf-8") in PAGE
