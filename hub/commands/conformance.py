"""`truc conformance`: an agency's team tests its own adapter against a simulated axis."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands import shown
from hub.commands.failure import ExitCode
from hub.commands.options import AsJson, Home

if TYPE_CHECKING:
    from hub.commands.conforming.scenario import Result

app = typer.Typer(
    help="Test an agency's adapter against a simulated axis: prepare, list, run, verify.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Only = Annotated[
    list[str] | None,
    typer.Option("--only", help="A scenario, or the first part of its name; may be repeated."),
]
_REFERENCE = "-m hub.commands.conforming.reference"


@app.command("prepare")
def prepare(home: Home = None, as_json: AsJson = False) -> None:
    """Start a broker of its own and write the folder with everything that the adapter needs.

    Ports, passwords and keys stay the same from run to run. `kit.toml` is for the kit, `settings.json` says
    the same to any language.

    \b
    Example:
      truc conformance prepare
    """
    from hub.commands.conforming.acts import place_of

    place = place_of(home)
    place.prepare()
    if as_json:
        shown.emit({"folder": str(place.folder), "kit": str(place.kit_file)})
        return
    shown.say(f"{place.folder}: kit.toml, settings.json, key.pem, anchors.pem, hub-certificate.pem")
    shown.say(
        "cấu hình bộ kết nối từ thư mục này, rồi / configure the adapter from it, then: truc conformance run"
    )


@app.command("list")
def list_scenarios(only: Only = None, as_json: AsJson = False) -> None:
    """List the scenarios: what is sent, and what is expected.

    \b
    Example:
      truc conformance list --only hostile
    """
    from hub.commands.conforming.play import chosen
    from hub.commands.conforming.report import describe

    scenarios = chosen(only or ())
    if as_json:
        shown.emit(describe(scenarios))
        return
    rows = [
        (each.name, f"{each.sent.vi}\n{each.sent.en}", f"{each.expected.vi}\n{each.expected.en}",
         ", ".join(each.needs))
        for each in scenarios
    ]  # fmt: skip
    shown.table("", ("scenario", "sent", "expected", "needs"), rows)


@app.command("run")
def run(
    adapter: Annotated[
        str | None,
        typer.Option("--adapter", help="Command that starts the adapter; {folder} and {kit} are filled in."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="You start the adapter by hand; wait for it.")] = False,
    reference: Annotated[
        bool, typer.Option("--reference", help="Test the kit itself: see what passing looks like.")
    ] = False,
    send: Annotated[
        str | None, typer.Option("--send", help="Command that lets it send one document, and ends.")
    ] = None,
    effects: Annotated[
        str | None,
        typer.Option(
            "--effects", help="Command that prints the delivery ids which the agency has, one a line."
        ),
    ] = None,
    only: Only = None,
    within: Annotated[float, typer.Option("--within", min=1, help="Seconds in which 01 must come.")] = 10.0,
    name: Annotated[str, typer.Option("--name", help="What the report calls the adapter.")] = "adapter",
    report: Annotated[
        Path | None,
        typer.Option("--report", help="Folder for the report; `report` in the home.", show_default=False),
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Play the scenarios with the adapter and write a signed report; exits with 1 where a rule failed.

    Nothing outside this machine is touched: the axis, the partner and the certificates are simulated. The
    broker is stopped in the end, unless it ran before.

    \b
    Example:
      truc conformance run --adapter "our-adapter --settings {kit}" --send "our-adapter send G22"
      truc conformance run --reference
    """
    from hub.commands.conforming.acts import conduct, place_of
    from hub.commands.conforming.adapter import Commands

    if sum((adapter is not None, wait, reference)) != 1:
        raise typer.BadParameter("one of --adapter COMMAND, --wait and --reference")
    commands = Commands(adapter=adapter, send=send, effects=effects)
    if reference:
        python = f"{sys.executable} {_REFERENCE}"
        commands = Commands(
            adapter=f"{python} serve {{kit}}",
            send=f"{python} send {{kit}}",
            effects=f"{python} effects {{kit}}",
        )
    if wait and not as_json:
        shown.say(f"hãy chạy bộ kết nối / start the adapter now; its settings: {place_of(home).folder}")
    told = (lambda _: None) if as_json else _tell
    outcome = conduct(
        home, commands, only or (), within=within, name="kit" if reference else name, folder=report, told=told
    )
    if as_json:
        shown.emit(outcome.told)
    else:
        _sum_up(outcome.report, outcome.counts)
    raise typer.Exit(ExitCode.FAILED if outcome.has_failed else ExitCode.DONE)


@app.command("verify")
def verify_report(
    report: Annotated[Path, typer.Argument(metavar="REPORT", help="report.json; its .jws lies beside it.")],
    anchors: Annotated[
        Path | None, typer.Option("--anchors", help="PEM file with whom to believe.", show_default=False)
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Check that a report was signed by the simulated axis of this home, and is as it was written.

    \b
    Example:
      truc conformance verify report/report.json
    """
    from hub.commands.conforming.acts import verify_file

    seal = verify_file(home, report, anchors)
    if as_json:
        shown.emit(seal)
        return
    shown.say(f"{report}: chữ ký đúng / the signature holds: {seal.signed_by}, {seal.fingerprint[:16]}…")


def _tell(result: "Result") -> None:
    shown.say(f"{result.verdict.value:<10}  {result.scenario.name:<26}  {result.seconds:6.1f} s")
    if result.verdict.value == "pass":
        return
    shown.say(f"            {result.found.vi}\n            {result.found.en}")
    if result.verdict.value == "fail":
        shown.say(f"            → {result.scenario.way_out.vi}\n            → {result.scenario.way_out.en}")


def _sum_up(report: Path, counts: dict[str, int]) -> None:
    shown.say(
        f"{counts['pass']} đạt / passed, {counts['fail']} không đạt / failed, "
        f"{counts['not-tested']} chưa kiểm tra / not tested; {report}"
    )
