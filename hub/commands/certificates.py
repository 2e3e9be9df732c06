"""`truc certificates`: what agencies sign with; several at a time, their ends, their status, their loss."""

import asyncio
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hub.commands import shown
from hub.commands.options import AsJson, Home, Operator, SettingsFile, who

app = typer.Typer(
    help="Certificates of agencies: import, list, retire, revoke, expiry, status, impact.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Name = Annotated[
    str,
    typer.Argument(
        metavar="SERIAL", help="Serial number, or the first 8 characters of the fingerprint or more."
    ),
]


class Kind(StrEnum):
    """Whose certificate it is."""

    SEAL = "seal"
    OFFICER = "officer"
    SYSTEM = "system"


@app.command("import")
def import_certificate(
    code: Annotated[str, typer.Argument(help="The agency's code.", show_default=False)],
    file: Annotated[
        Path, typer.Argument(help="PEM, DER or PKCS #12, with the issuers.", exists=True, dir_okay=False)
    ],
    kind: Annotated[
        Kind, typer.Option("--kind", help="The agency's seal, an officer's, or an LGSP's system.")
    ] = Kind.SEAL,
    password_file: Annotated[
        Path | None, typer.Option("--password-file", help="Opens PKCS #12; asked for where it is missing.")
    ] = None,
    home: Home = None,
    settings: SettingsFile = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Register a certificate beside those that the agency has: the old ones stay good until their end.

    \b
    Examples:
      truc certificates import H14 caobang-2027.p12 --password-file secret
      truc certificates import H41 lgsp.pem --kind system
    """
    from hub.commands.certificate_acts import import_file

    made = asyncio.run(
        import_file(
            home, settings, who(operator), code=code, file=file, kind=kind.value, password_file=password_file
        )
    )
    if as_json:
        shown.emit(made)
    else:
        shown.pairs(f"{code} signs with one certificate more", made)


@app.command("list")
def list_certificates(
    code: Annotated[str | None, typer.Argument(help="The agency's code; all where none is given.")] = None,
    home: Home = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """List the registered certificates with the days that they have left.

    \b
    Example:
      truc certificates list H14
    """
    from hub.commands.certificate_acts import read_certificates

    found = asyncio.run(read_certificates(home, settings, code))
    if as_json:
        shown.emit(found)
        return
    shown.table("", _COLUMNS, _rows(found), nothing="no certificate is registered; `import` registers one")


@app.command("revoke")
def revoke(
    fingerprint: Annotated[
        str, typer.Argument(help="First characters of its fingerprint, at least 8.", show_default=False)
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands in the evidence.")],
    home: Home = None,
    settings: SettingsFile = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Revoke a certificate: what it signs is refused from now on.

    \b
    Example:
      truc certificates revoke 3f9a0c2e --reason "token lost"
    """
    from hub.commands.certificate_acts import revoke_certificate

    revoked = asyncio.run(revoke_certificate(home, settings, who(operator), fingerprint, reason))
    if as_json:
        shown.emit({"revoked": revoked})
    else:
        shown.say(f"the certificate {revoked.hex()} is revoked")


@app.command("expiring")
def expiring(
    within: Annotated[int, typer.Option("--within", min=1, help="Days.")] = 60,
    home: Home = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """List those in use that end soon; hubs warn in their log 60, 30 and 7 days ahead.

    \b
    Example:
      truc certificates expiring --within 30
    """
    from hub.commands.certificate_acts import read_expiring

    found = asyncio.run(read_expiring(home, settings, within))
    if as_json:
        shown.emit(found)
        return
    shown.table("", _COLUMNS, _rows(found), nothing=f"none ends within {within} days")


@app.command("retire")
def retire(
    name: Name,
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands in the evidence.")],
    at: Annotated[
        datetime | None, typer.Option("--at", help="From when on it is refused, in Vietnam time; now.")
    ] = None,
    home: Home = None,
    settings: SettingsFile = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Let a certificate end by plan, now or later; for a lost key there is `revoke`.

    \b
    Example:
      truc certificates retire 5f3a91c0 --at 2027-01-01 --reason "replaced by the seal of 2027"
    """
    from hub.commands.certificate_acts import retire_certificate

    chosen = at.replace(tzinfo=shown.VIETNAM) if at is not None else None
    entry = asyncio.run(retire_certificate(home, settings, who(operator), name, at=chosen, reason=reason))
    if as_json:
        shown.emit(entry)
    else:
        shown.say(f"{entry['subject']} is retired from {shown.instant(chosen) or 'now'} on")


@app.command("impact")
def impact(
    name: Name,
    home: Home = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what stops if a certificate, also an authority's, is revoked or ends now.

    \b
    Example:
      truc certificates impact 5f3a91c0
    """
    from hub.commands.certificate_acts import weigh_impact

    found = asyncio.run(weigh_impact(home, settings, name))
    if as_json:
        shown.emit(found)
        return
    shown.table(
        "certificates that count no more",
        ("serial", "agency", "subject", "valid until"),
        [(each["serial"], each["agency"], each["subject"], each["not_after"]) for each in found["lost"]],
        nothing="no registered certificate leads through it",
    )
    shown.table(
        "agencies that can sign nothing any more",
        ("agency", "name", "mailbox"),
        [(each["agency"], each["name"], each["mailbox"]) for each in found["silenced"]],
        nothing="no agency stops: each has another certificate",
    )
    shown.pairs("deliveries and use", found["counts"])


@app.command("sources")
def sources(home: Home = None, settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Show whom the hub asks for the status of certificates, and how it went.

    \b
    Example:
      truc certificates sources
    """
    from hub.commands.certificate_acts import read_sources

    found = asyncio.run(read_sources(home, settings))
    if as_json:
        shown.emit(found)
        return
    rows = [
        (each.kind, each.url, each.fetched_at, each.next_update, each.failures or "", each.failure)
        for each in found
    ]
    columns = ("kind", "address", "fetched", "good until", "failures", "last failure")
    nothing = "nobody is asked: the settings name no hosts, or no certificate says whom to ask"
    shown.table("", columns, rows, nothing=nothing)


@app.command("verdict")
def verdict(
    message_id: Annotated[str, typer.Argument(help="The hub's number of the message.")],
    home: Home = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Show the verdict that a message was judged by, and judge again by the evidence kept with it.

    \b
    Example:
      truc certificates verdict 01997c5e-7d3a-7a51-9a3b-3a6f0d6f2a11
    """
    from hub.commands.certificate_acts import read_verdict

    found = asyncio.run(read_verdict(home, settings, message_id))
    if as_json:
        shown.emit(found)
    else:
        shown.pairs("the signing certificate", found)


_COLUMNS = ("serial", "agency", "kind", "subject", "valid until", "retired", "revoked", "days left")


def _rows(found: list[dict[str, object]]) -> list[tuple[object, ...]]:
    names = ("serial", "agency", "kind", "subject", "not_after", "retired_at", "revoked_at", "days_left")
    return [tuple(each[name] for name in names) for each in found]
