"""`truc losses`: queues that were deleted or emptied, and what lay in them sent again."""

import asyncio
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hub.commands import shown
from hub.commands.failure import ExitCode
from hub.commands.options import AsJson, Home, Operator, SettingsFile, who

if TYPE_CHECKING:
    from hub.operations.queue_losses import LossPlan

LONGEST_LIST: Final = 50

app = typer.Typer(
    help="Mailboxes' queues that were deleted, made anew or emptied: list, mend, dismiss.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Mailbox = Annotated[str, typer.Argument(metavar="MAILBOX", help="Whose queue it is.", show_default=False)]
Reason = Annotated[str | None, typer.Option("--reason", help="Why; it stands in the evidence.")]


@app.command("list")
def list_losses(
    every: Annotated[bool, typer.Option("--all", help="Also what is over.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1)] = 100,
    home: Home = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """List queues out of which deliveries may have been lost, the newest first; exit code 1 while one waits.

    \b
    Example:
      truc losses list
    """
    from hub.commands.losses_acts import find_losses

    found = asyncio.run(find_losses(home, settings, is_open=not every, limit=limit))
    if as_json:
        shown.emit(found)
    else:
        rows = [
            (each.mailbox, each.kind, each.deliveries, each.since, each.noticed_at, each.ended_at,
             each.ended_because, each.ended_by)
            for each in found
        ]  # fmt: skip
        columns = ("mailbox", "how", "deliveries", "not before", "noticed", "ended", "because", "by")
        shown.table("", columns, rows, nothing="no queue was lost / không có hàng đợi nào bị mất")
        if any(each.ended_at is None for each in found):
            shown.say("next / tiếp theo: truc losses mend MAILBOX --dry-run")
    raise typer.Exit(ExitCode.FAILED if any(each.ended_at is None for each in found) else ExitCode.DONE)


@app.command("mend")
def mend(
    mailbox: Mailbox,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent again.")] = False,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--since",
            help="Only what reached the queue after this instant (Vietnam time without a zone); needed where "
            "the axis itself noticed nothing.",
        ),
    ] = None,
    rate: Annotated[int, typer.Option("--rate", min=1, help="At most so many in a minute.")] = 3000,
    reason: Reason = None,
    home: Home = None,
    settings: SettingsFile = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Make the queue where it is missing, and send again what may have been lost out of it.

    That is everything the broker confirmed in it and nobody has said a word of since. Each keeps its delivery
    id: a recipient that has it drops it. It may be broken off and called again: it goes on with the rest.

    \b
    Examples:
      truc losses mend H14 --dry-run
      truc losses mend H14 --reason "hàng đợi bị xoá nhầm"
      truc losses mend H14 --since "2026-11-22T10:00:00"
    """
    from hub.commands.losses_acts import MendingTerms, mend_queue

    terms = MendingTerms(is_dry=dry_run, since=since, per_minute=rate, reason=reason, operator=who(operator))
    plan, sent = asyncio.run(mend_queue(home, settings, mailbox, terms, _progress))
    if as_json:
        shown.emit({"plan": plan, "sent": sent})
        return
    if dry_run:
        _show(plan)
        return
    shown.say(f"{sent} sent again to {mailbox} / đã gửi lại {sent} tới {mailbox}")
    shown.say("they go out as fast as the rate allows / đang gửi đi theo tốc độ cho phép: truc queues")


@app.command("dismiss")
def dismiss(
    mailbox: Mailbox,
    reason: Reason = None,
    home: Home = None,
    settings: SettingsFile = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """End an incident without sending anything: the agency has all of it, or has done without on purpose.

    \b
    Example:
      truc losses dismiss H14 --reason "đơn vị xác nhận đã nhận đủ"
    """
    from hub.commands.losses_acts import dismiss_loss

    asyncio.run(dismiss_loss(home, settings, mailbox, reason or "", who(operator)))
    if as_json:
        shown.emit({"mailbox": mailbox, "dismissed": True})
    else:
        shown.say(f"dismissed / đã đóng: {mailbox}")


def _progress(sent: int) -> None:
    typer.echo(f"đã gửi lại / sent again: {sent:,}", err=True)


def _show(plan: "LossPlan") -> None:
    rows = [
        (each.kind, each.document_code or each.document_id, each.sender, each.recipient, each.consigned_at,
         each.delivery_id)
        for each in plan.deliveries[:LONGEST_LIST]
    ]  # fmt: skip
    columns = ("kind", "document", "from", "to", "in the queue since", "delivery")
    shown.table("", columns, rows, nothing="nothing can have been lost / không có gì bị mất")
    if len(plan.deliveries) > LONGEST_LIST:
        more = len(plan.deliveries) - LONGEST_LIST
        shown.say(f"… and {more} more; --json shows all / còn {more} nữa; --json cho xem tất cả")
    counts = ", ".join(
        f"{count} {kind}" for kind, count in sorted(Counter(each.kind for each in plan.deliveries).items())
    )
    shown.say(
        f"would be sent again / sẽ gửi lại: {counts or '0'}, in the queue after / vào hàng đợi sau"
        f" {shown.instant(plan.after)} and not after / và không sau {shown.instant(plan.until)}"
    )
