"""`truc backup` and `truc restore`: the database as it was at any instant since the first backup."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands import shown
from hub.commands.failure import ExitCode
from hub.commands.options import AsJson, Home, Operator, who

if TYPE_CHECKING:
    from deploy.local.restore import Restored
    from hub.commands.backup_acts import BackupStatus

app = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
)


def add_to(whole: typer.Typer) -> None:
    """Add the commands to *whole*."""
    whole.add_typer(app, name="backup")
    whole.command("restore")(restore)


@app.callback()
def backup(
    context: typer.Context,
    into: Annotated[
        Path | None,
        typer.Option(
            "--into",
            help="Folder of the backups, on another disk if it is to help; kept for the next time.",
            show_default="where the last one is",
        ),
    ] = None,
    keep: Annotated[int, typer.Option("--keep", min=1, help="How many backups to keep.")] = 7,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Copy the database while it works, verify the copy, and archive everything that follows.

    From the first backup on, the database archives its log (WAL) beside the copies without a pause, over all
    restarts: `truc restore` then leads to any instant after the oldest copy.

    \b
    Examples:
      truc backup
      truc backup --into /mnt/backup/truc --keep 14
      truc backup status
    """
    if context.invoked_subcommand is not None:
        return
    from hub.commands.backup_acts import take_backup

    made, gone = take_backup(home, into=into, keep=keep, progress=_progress)
    if as_json:
        shown.emit({"backup": made, "forgotten": gone})
        return
    shown.say(f"backup {made.name} in {made.place}: {made.octets / 1e6:.0f} MB, verified / đã kiểm tra")
    for name in gone:
        shown.say(f"  forgotten, {keep} are kept: {name}")


@app.command("list")
def list_backups(home: Home = None, as_json: AsJson = False) -> None:
    """List the backups, oldest first; each leads to any instant after it ended.

    \b
    Example:
      truc backup list
    """
    from hub.commands.backup_acts import known_backups

    found = known_backups(home)
    if as_json:
        shown.emit(found)
        return
    rows = [(each.name, each.ended_at, f"{each.octets / 1e6:.0f} MB", each.place) for each in found]
    shown.table("", ("backup", "restores from", "size", "in"), rows, nothing="there is no backup yet")


@app.command("status")
def status(
    max_age: Annotated[
        float, typer.Option("--max-age", min=0, help="Hours after which the last backup is too old.")
    ] = 26.0,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show how old the last backup is and how far the archive is behind; exit code 1 where that is too much.

    \b
    Example:
      truc backup status --max-age 26 || mail -s "backup" operators
    """
    from hub.commands.backup_acts import backup_status

    found = backup_status(home, timedelta(hours=max_age))
    if as_json:
        shown.emit(found)
    else:
        _show(found)
    raise typer.Exit(ExitCode.FAILED if found.complaints else ExitCode.DONE)


def restore(
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="INSTANT",
            help="'2026-11-22 10:15:00+07' (Vietnam time without a zone), or latest.",
        ),
    ],
    backup: Annotated[
        str | None,
        typer.Option("--backup", help="Name of the backup to begin with.", show_default="newest that fits"),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", help="Folder of the backups.", show_default="where the last one was made"),
    ] = None,
    timeline: Annotated[
        str, typer.Option("--timeline", help="Of several histories after an earlier restore: its number.")
    ] = "latest",
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="Take the place of the present database, which is kept by another name."
        ),
    ] = False,
    home: Home = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Bring the database back as it was at an instant, and hold the hub until it is reconciled.

    The hub must be stopped. The present data are renamed, never deleted. Afterwards no hub process is let in
    until `truc reconcile` has brought back what the database lost and receipts prove.

    \b
    Examples:
      truc restore --to latest --replace
      truc restore --to "2026-11-22 10:15:00+07" --replace
    """
    from hub.commands.backup_acts import read_instant, restore_database

    restored = restore_database(
        home,
        target=read_instant(to),
        place=source,
        name=backup,
        timeline=timeline,
        may_replace=replace,
        operator=who(operator),
        progress=_progress,
    )
    if as_json:
        shown.emit(restored)
    else:
        _tell(restored)


def _progress(sentence: str) -> None:
    typer.echo(sentence, err=True)


def _show(found: "BackupStatus") -> None:
    archive = found.archive
    shown.pairs(
        "; ".join(found.complaints) or "the backups are as they should be / sao lưu bình thường",
        {
            "last backup": found.last.name if found.last is not None else "-",
            "restores from": found.last.ended_at if found.last is not None else None,
            "kept": found.kept,
            "in": found.place,
            "last archived": archive and archive.last_archived,
            "archived at": archive and archive.last_archived_at,
            "last failed": archive and archive.last_failed,
            "failed at": archive and archive.last_failed_at,
            "waiting segments": archive and archive.waiting,
        },
    )


def _tell(restored: "Restored") -> None:
    shown.pairs(
        "the database is restored; the hub is held / đã khôi phục cơ sở dữ liệu; hub đang bị giữ lại",
        {
            "from backup": restored.backup.name,
            "asked for": restored.target or "latest",
            "last commit in it": restored.reached_at,
            "timeline": restored.timeline,
            "data before": restored.replaced,
        },
    )
    shown.say(
        "next:\n"
        "  1. let every agency read its queue empty and export its journal:  truc reconcile export CODE\n"
        "  2. see what is missing, then bring it back:  truc reconcile --evidence FOLDER [--apply]\n"
        "  3. let hub processes in again:  truc reconcile --release\n"
        "tiếp theo:\n"
        "  1. để mỗi cơ quan nhận hết hàng đợi của mình rồi xuất nhật ký:  truc reconcile export MÃ\n"
        "  2. xem còn thiếu gì, rồi đưa trở lại:  truc reconcile --evidence THƯ-MỤC [--apply]\n"
        "  3. cho hub chạy lại:  truc reconcile --release"
    )
