"""Options that many commands share."""

import getpass
import os
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Home: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--home",
        envvar="TRUC_HOME",
        help="Folder of the local stack; .truc in the checkout.",
        show_default=False,
        readable=False,  # a hub's user may know what to read in it, and not what else is there
    ),
]
SettingsFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        envvar="HUB_SETTINGS_FILE",
        help="Settings file; operator.toml in the home, hub.toml for `serve`.",
        show_default=False,
    ),
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Answer with JSON on standard output.")]
Operator: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--operator", help="Who acts, for the evidence; the user of the machine.", show_default=False
    ),
]
Kit: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--kit", help="The mailbox's own kit.toml, where it is not one of the local axis.", show_default=False
    ),
]


def who(operator: str | None) -> str:
    """Return who acts: the name given, or that of the machine's user."""
    return operator or os.environ.get("SUDO_USER") or getpass.getuser()
