"""What `truc certificates` does."""

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypedDict
from uuid import UUID

import typer

from hub.backends.clock import SystemClock
from hub.backends.postgres.register import CertificateEntry, CertificateKind
from hub.backends.postgres.revocation import SourceEntry
from hub.bootstrap import trust_anchors
from hub.commands.agency_acts import registry_desk
from hub.commands.place import load_settings, operators_database
from hub.errors import ConfigurationError, OperationRefused
from hub.message.identifiers import AgencyCode, Fingerprint, MessageId
from hub.operations.certificates import CertificateDesk, days_left, serial_of
from hub.operations.impact import LOOKED_BACK, weigh
from hub.signature.certificate_file import CertificateFile, read_certificate_file


class ImpactShown(TypedDict):
    """What `impact` shows."""

    lost: list[dict[str, object]]
    silenced: list[dict[str, object]]
    counts: dict[str, object]


@asynccontextmanager
async def certificate_desk(
    home: Path | None, settings: Path | None, operator: str
) -> AsyncIterator[CertificateDesk]:
    """Open the registry of certificates that is meant, in the name of *operator*."""
    loaded = load_settings(home, settings)
    async with operators_database(loaded) as database:
        yield CertificateDesk(database, operator=operator, clock=SystemClock(), anchors=trust_anchors(loaded))


async def import_file(
    home: Path | None,
    settings: Path | None,
    operator: str,
    *,
    code: str,
    file: Path,
    kind: str,
    password_file: Path | None,
) -> dict[str, object]:
    """Register the certificate in *file*."""
    read = _read(file, password_file)
    async with certificate_desk(home, settings, operator) as desk:
        imported = await desk.import_certificate(AgencyCode(code), read, CertificateKind(kind))
        entries = await desk.certificates(AgencyCode(code))
    now = datetime.now(UTC)
    good = [each for each in entries if days_left(each, now) >= 0]
    certificate = read.certificate
    return {
        "serial": f"{certificate.serial_number:x}",
        "fingerprint": imported.fingerprint.hex(),
        "subject": certificate.subject.rfc4514_string(),
        "good from": certificate.not_valid_before_utc,
        "good until": certificate.not_valid_after_utc,
        "was there before": None if imported.is_new else "yes",
        "certificates of the agency that are good or will be": len(good),
    }


async def read_certificates(
    home: Path | None, settings: Path | None, code: str | None
) -> list[dict[str, object]]:
    """Return the registered certificates."""
    async with certificate_desk(home, settings, "") as desk:
        return _shown(await desk.certificates(AgencyCode(code) if code is not None else None))


async def read_expiring(home: Path | None, settings: Path | None, within: int) -> list[dict[str, object]]:
    """Return those that end within so many days."""
    async with certificate_desk(home, settings, "") as desk:
        return _shown(await desk.expiring(timedelta(days=within)))


async def retire_certificate(
    home: Path | None, settings: Path | None, operator: str, name: str, *, at: datetime | None, reason: str
) -> dict[str, object]:
    """Let the certificate that is meant end by plan."""
    async with certificate_desk(home, settings, operator) as desk:
        entry = await desk.retire(name, at=at, reason=reason)
    return {"subject": entry.subject, "fingerprint": entry.fingerprint, "retired_at": at}


async def revoke_certificate(
    home: Path | None, settings: Path | None, operator: str, prefix: str, reason: str
) -> Fingerprint:
    """Revoke the certificate that *prefix* names."""
    async with registry_desk(home, settings, operator) as desk:
        return await desk.revoke_certificate(prefix, reason=reason)


async def weigh_impact(home: Path | None, settings: Path | None, name: str) -> ImpactShown:
    """Return what stops without the certificate that is meant."""
    loaded = load_settings(home, settings)
    async with operators_database(loaded) as database:
        found = await weigh(database, trust_anchors(loaded), SystemClock(), name)
    return ImpactShown(
        lost=_shown(found.lost),
        silenced=[
            {"agency": each.agency, "name": each.name, "mailbox": each.mailbox} for each in found.silenced
        ],
        counts={
            "deliveries from them that wait, and go out all the same": found.waiting_from,
            "deliveries to them that wait; nobody will acknowledge them": found.waiting_for,
            "documents in their queues that nobody has acknowledged": found.unacknowledged,
            f"messages signed with it in {LOOKED_BACK.days} days": found.messages,
            "last used": found.last_used_at or f"not in {LOOKED_BACK.days} days",
        },
    )


async def read_sources(home: Path | None, settings: Path | None) -> tuple[SourceEntry, ...]:
    """Return whom the hub asks for the status of certificates."""
    async with certificate_desk(home, settings, "") as desk:
        return await desk.sources()


async def read_verdict(home: Path | None, settings: Path | None, message_id: str) -> dict[str, object]:
    """Return the verdict of a message, and what its evidence gives today."""
    try:
        meant = MessageId(UUID(message_id))
    except ValueError as error:
        raise OperationRefused(f"{message_id} is no number of a message; `truc trace` shows it") from error
    async with certificate_desk(home, settings, "") as desk:
        found = await desk.judge_again(meant)
    verdict = found.kept.validation
    again = "another verdict" if found.again is not None else "no path"
    return {
        "received": found.kept.received_at,
        "verdict": verdict.indication.value,
        "sub-indication": verdict.sub_indication,
        "policy": verdict.policy.value,
        "note": verdict.note or None,
        "path": ", ".join(each.digest.hex()[:16] for each in verdict.path),
        "revocation data": ", ".join(f"{each.kind} {each.digest.hex()[:16]}" for each in verdict.revocation)
        or "none",
        "judged again": "the same" if found.is_the_same else again,
    }


def _read(file: Path, password_file: Path | None) -> CertificateFile:
    encoded = file.read_bytes()
    if password_file is not None:
        return read_certificate_file(encoded, password_file.read_bytes().strip())
    try:
        return read_certificate_file(encoded)
    except ConfigurationError:
        if file.suffix.lower() not in {".p12", ".pfx"} or not sys.stdin.isatty():
            raise
    password: str = typer.prompt(f"Password of {file.name}", hide_input=True, err=True)
    return read_certificate_file(encoded, password.encode())


def _shown(entries: Sequence[CertificateEntry]) -> list[dict[str, object]]:
    now = datetime.now(UTC)
    return [
        {
            "serial": serial_of(each),
            "fingerprint": each.fingerprint,
            "agency": each.agency,
            "kind": each.kind.value,
            "subject": each.subject,
            "not_before": each.not_before,
            "not_after": each.not_after,
            "retired_at": each.retired_at,
            "revoked_at": each.revoked_at,
            "days_left": days_left(each, now),
        }
        for each in entries
    ]
