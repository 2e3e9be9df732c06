"""`truc reconcile`: after a restore, find what agencies can prove and the database has lost."""

import asyncio
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands import shown
from hub.commands.failure import ExitCode
from hub.commands.options import AsJson, Home, Kit, Operator, SettingsFile, who

if TYPE_CHECKING:
    from hub.commands.reconcile_acts import Reconciled
    from hub.operations.reconcile import Plan

app = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
)
LONGEST_LIST = 200


def add_to(whole: typer.Typer) -> None:
    """Add the commands to *whole*."""
    whole.add_typer(app, name="reconcile")


@app.callback()
def reconcile(
    context: typer.Context,
    evidence: Annotated[
        list[Path] | None,
        typer.Option(
            "--evidence",
            metavar="FOLDER",
            help="What agencies exported, one folder or several.",
            show_default=False,
        ),
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Bring it back; without this, only tell.")] = False,
    hold: Annotated[bool, typer.Option("--hold", help="Keep hub processes out; a restore did that.")] = False,
    release: Annotated[
        bool, typer.Option("--release", help="Let hub processes in again; with what is left, give a reason.")
    ] = False,
    reason: Annotated[str | None, typer.Option("--reason", help="Why; it stands in the evidence.")] = None,
    hub_certificate: Annotated[
        list[Path] | None,
        typer.Option(
            "--hub-certificate", help="An earlier certificate of the hub (PEM).", show_default=False
        ),
    ] = None,
    home: Home = None,
    settings: SettingsFile = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Compare what agencies hold with what the database knows; changes nothing without --apply.

    Agencies first read their queues empty (the hub is held, so nothing new arrives), then export their
    journals with `truc reconcile export`. Exit code 1 while something is left to do.

    \b
    Examples:
      truc reconcile --evidence evidence
      truc reconcile --evidence evidence --apply --reason "restored to 10:15 after the disk failed"
      truc reconcile --evidence evidence --release
    """
    if context.invoked_subcommand is not None:
        return
    from hub.commands.reconcile_acts import Wanted, keep_hubs_out, let_hubs_in, reconcile_database

    if hold:
        left = asyncio.run(keep_hubs_out(home, who(operator), reason))
        shown.say("no hub process is let in any more / hub không được kết nối nữa")
        if left:
            shown.say(f"{left} sessions of hub processes are left: stop them / hãy dừng các hub đang chạy")
        return
    wanted = Wanted(
        folders=tuple(evidence or ()),
        is_applied=apply,
        reason=reason,
        operator=who(operator),
        hub_certificates=tuple(hub_certificate or ()),
    )
    found = None
    if wanted.folders or not release:
        found = asyncio.run(reconcile_database(home, settings, wanted, _progress))
        _show(found, as_json=as_json)
    if release:
        asyncio.run(let_hubs_in(home, who(operator), found, reason))
        if not as_json:
            shown.say("hub processes are let in again / hub được chạy lại: `truc run`, `truc serve`")
    raise typer.Exit(ExitCode.FAILED if found is not None and not found.is_settled else ExitCode.DONE)


@app.command("export")
def export(
    code: Annotated[str, typer.Argument(help="Code of the agency; a unit's mailbox is that of its LGSP.")],
    into: Annotated[
        Path, typer.Option("--into", metavar="FOLDER", help="A folder of its own is made in it.")
    ] = Path("evidence"),
    since: Annotated[
        datetime | None,
        typer.Option("--since", help="Only what happened from then on (Vietnam time without a zone)."),
    ] = None,
    kit: Kit = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write what a mailbox's journal can prove into a folder: exact bytes, and the hub's signed receipts.

    \b
    Example:
      truc reconcile export H14 --into evidence
    """
    from hub.commands.reconcile_acts import export_evidence

    made = asyncio.run(export_evidence(home, kit, code, into, since))
    if as_json:
        shown.emit(made)
    else:
        shown.say(f"{made.sent} sent, {made.received} received, {made.receipts} receipts: {made.folder}")


def _progress(sentence: str) -> None:
    typer.echo(sentence, err=True)


def _show(found: "Reconciled", *, as_json: bool) -> None:
    if as_json:
        shown.emit(found.as_record())
        return
    plan = found.plan
    for doubt in plan.doubts:
        shown.say(f"proves nothing / không có giá trị: {doubt}")
    _show_steps(plan)
    left = (*plan.missing, *found.refused)
    if left:
        shown.table(
            "",
            ("cannot be brought back yet / chưa khôi phục được", "why", "needs"),
            [(each.what, each.why, ", ".join(each.needs)) for each in left[:LONGEST_LIST]],
        )
    shown.say(_sentence(found))


def _show_steps(plan: "Plan") -> None:
    kinds = Counter(type(step).__name__ for step in plan.steps)
    for kind, count in kinds.items():
        shown.say(f"{_HEADINGS[kind]}: {count}")
    rows = [(type(step).__name__, step.what, step.why) for step in plan.steps[:LONGEST_LIST]]
    if rows:
        shown.table("", ("step", "what", "proof"), rows)
    if len(plan.steps) > LONGEST_LIST:
        shown.say(f"… and {len(plan.steps) - LONGEST_LIST} more; --json shows all")
    lanes = f"{len(plan.lanes)} lanes go on above the highest number that was seen"
    if plan.lane_gap:
        lanes += f"; every lane leaves out {plan.lane_gap:,} numbers, since not all evidence is there"
    shown.say(lanes)
    for mailbox, why in plan.incomplete.items():
        shown.say(f"not everything is known of {mailbox}: {why}")


_HEADINGS = {
    "Reinstate": "accepted by a signed receipt or delivered, not in the database / đã chấp nhận nhưng bị mất",
    "ReinstateStatus": "statuses that were taken, not in the database / trạng thái bị mất",
    "RecordRefusal": "refused by a signed receipt, not in the database / đã từ chối nhưng bị mất",
    "Submit": "submitted, never answered, known to nobody / đã gửi nhưng chưa có trả lời",
    "Settle": "got further than the database knows / đã đi xa hơn cơ sở dữ liệu biết",
}


def _sentence(found: "Reconciled") -> str:
    if found.done is not None:
        told = ", ".join(f"{count} {kind}" for kind, count in found.done.items()) or "nothing"
        return f"brought back / đã khôi phục: {told}"
    if found.plan.steps:
        return "nothing was changed; --apply does it / chưa thay đổi gì; --apply để thực hiện"
    if found.is_settled:
        return "the database knows all of it; next / tiếp theo: truc reconcile --release"
    return "nothing can be done with this evidence alone / cần thêm bằng chứng"
