"""Options that say which cases are meant."""

from datetime import datetime
from typing import Annotated, TypeAlias

import typer

Cases: TypeAlias = Annotated[
    list[int] | None, typer.Argument(metavar="[CASE]...", help="Numbers of cases.", show_default=False)
]
Mailbox: TypeAlias = Annotated[str | None, typer.Option("--mailbox", help="Only those for this mailbox.")]
Cause: TypeAlias = Annotated[
    str | None, typer.Option("--cause", help="Only those whose cause has these words.")
]
Sender: TypeAlias = Annotated[str | None, typer.Option("--sender", help="Only those from this agency.")]
Since: TypeAlias = Annotated[
    datetime | None,
    typer.Option("--since", help="Only those opened since then (Vietnam time where no zone is given)."),
]
Group: TypeAlias = Annotated[
    str | None, typer.Option("--group", help="Only those with this root cause (`truc deadletter groups`).")
]
Owner: TypeAlias = Annotated[str | None, typer.Option("--owner", help="Only those that this person has.")]
Every: TypeAlias = Annotated[bool, typer.Option("--all", help="All open cases.")]
Reason: TypeAlias = Annotated[
    str | None, typer.Option("--reason", help="Why; it stands in the evidence.", show_default=False)
]
