"""`truc audit`: whether the event trail is as it was sealed."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands import shown
from hub.commands.failure import ExitCode
from hub.commands.options import AsJson, Home, SettingsFile

if TYPE_CHECKING:
    from hub.operations.audit import Verdict

app = typer.Typer(
    help="The audit log: verify it, note its head.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("verify")
def verify(
    head: Annotated[
        list[str] | None,
        typer.Option(
            "--head",
            metavar="POSITION:LINK",
            help="A head that was kept elsewhere (`truc audit head`); several may be given.",
            show_default=False,
        ),
    ] = None,
    home: Home = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Prove that no sealed event was altered, inserted or removed; exit code 1 where one was.

    \b
    Examples:
      truc audit verify
      truc audit verify --head 184467:9f2c41d0…
    """
    from hub.commands.audit_acts import Progress, read_heads, verify_axis

    found = asyncio.run(verify_axis(home, settings, read_heads(head or []), Progress()))
    if as_json:
        shown.emit({"holds": found.holds, "verdict": found})
    else:
        _show(found)
    raise typer.Exit(ExitCode.DONE if found.holds else ExitCode.FAILED)


@app.command("head")
def head(home: Home = None, settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Show how far the log is sealed, as POSITION:LINK; keep it where nobody of the axis can write.

    \b
    Example:
      truc audit head >> /mnt/witness/heads
    """
    from hub.commands.audit_acts import read_head

    state = asyncio.run(read_head(home, settings))
    if as_json:
        shown.emit(state)
    else:
        shown.say(f"{state.sealed}:{state.link.hex()}" if state.link is not None else "0:")


def _show(found: "Verdict") -> None:
    state, unsealed = found.state, found.unsealed
    if found.holds:
        shown.say("the log is as it was sealed / nhật ký nguyên vẹn như khi được niêm phong")
    else:
        count = found.broken_count
        shown.say(f"THE LOG WAS CHANGED in {count} places / NHẬT KÝ ĐÃ BỊ THAY ĐỔI ở {count} chỗ")
        rows = [
            (_DAMAGE[each.damage.value], each.position, each.event_id, each.at, each.name,
             each.message_id, each.delivery_id)
            for each in found.broken
        ]  # fmt: skip
        columns = ("what", "position", "event", "at", "name", "message", "delivery")
        shown.table("the first of them / những chỗ đầu tiên", columns, rows)
    shown.pairs(
        "",
        {
            "sealed events / sự kiện đã niêm phong": state.sealed,
            "head / đầu chuỗi": f"{state.sealed}:{state.link.hex()}" if state.link is not None else "-",
            "not sealed yet / chưa niêm phong": unsealed.count,
            "the oldest of them / cũ nhất": unsealed.oldest_at,
        },
    )
    for each in found.restores:
        told = ", ".join(f"{name} {value}" for name, value in each.detail.items())
        shown.say(
            f"hubs were held at {shown.instant(each.at)} by {each.operator} ({told}): heads from between the "
            "instant restored and then belong to the data that were replaced / "
            "đầu chuỗi ghi giữa thời điểm khôi phục và lúc này thuộc về dữ liệu đã bị thay thế"
        )


_DAMAGE = {
    "altered": "altered / bị sửa",
    "inserted": "inserted / bị chèn vào",
    "removed": "removed / bị xóa",
    "cut out": "cut out with its seal / bị cắt bỏ cùng dấu niêm phong",
    "other head": "not the head that was kept / không khớp đầu chuỗi đã lưu",
}
