"""The command line as a whole: its commands, and what becomes of an error.

What a command needs is imported when it runs, so that help is there at once.
"""

import sys
from collections.abc import Sequence
from typing import Final

import typer

from hub.commands import (
    accounts,
    agency,
    alerts,
    audit,
    backup,
    bodies,
    ca,
    campaigns,
    certificates,
    cluster_demo,
    conformance,
    console,
    console_demo,
    deadletter,
    demo,
    evidence,
    inbox,
    invalid,
    keys,
    losses,
    queues,
    reconcile,
    running,
    send,
    stack,
    topology,
    trace,
)
from hub.commands.failure import explain

HELP: Final = """Trục liên thông văn bản quốc gia: the axis on which agencies exchange signed documents.

\b
Begin with:
  truc demo                     play the main story, on a stack of its own
  truc up && truc run           keep an axis running
  truc agency add H14 "UBND tỉnh Cao Bằng"

\b
Exit codes: 0 done, 1 refused or failed (the sentence says what to do),
2 wrong usage, 3 something is away (try again).
"""

app: Final = typer.Typer(
    name="truc",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("cluster-demo")(cluster_demo.cluster_demo)
app.command("console-demo")(console_demo.console_demo)
stack.add_to(app)
running.add_to(app)
app.command("console")(console.console)
app.command("bodies")(bodies.bodies)
app.add_typer(accounts.app, name="accounts")
app.add_typer(agency.app, name="agency")
app.add_typer(keys.app, name="keys")
app.add_typer(certificates.app, name="certificates")
app.add_typer(ca.app, name="ca")
app.command("send")(send.send)
app.command("inbox")(inbox.inbox)
app.command("trace")(trace.trace)
app.add_typer(audit.app, name="audit")
app.add_typer(evidence.app, name="evidence")
app.add_typer(deadletter.app, name="deadletter")
app.add_typer(campaigns.app, name="campaigns")
app.add_typer(losses.app, name="losses")
app.add_typer(invalid.app, name="invalid")
app.add_typer(topology.app, name="topology")
app.add_typer(conformance.app, name="conformance")
app.add_typer(alerts.app, name="alerts")
app.command("queues")(queues.queues)
backup.add_to(app)
reconcile.add_to(app)


@app.callback(help=HELP)
def begin() -> None:
    """Let only what is wrong reach the person from the parts below; `serve` logs as its settings say."""
    import logging

    import structlog

    for name in ("aio_pika", "aiormq"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; an expected error is a sentence, never a traceback."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = app(given, prog_name="truc", standalone_mode=False)
    except BaseException as error:
        told = explain(error, as_json="--json" in given)
        if told is None:
            raise
        return told
    return code if isinstance(code, int) else 0
