"""Writes one file that proves, without the axis, what became of a document."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final

from hub.backends.postgres.evidence import Letter, Proof, read_proof
from hub.backends.postgres.pool import Database
from hub.backends.postgres.tracing import find_messages
from hub.backends.postgres.validating import KeptVerdict
from hub.errors import OperationRefused
from hub.evidence import container, members
from hub.message.identifiers import MessageId
from hub.message.trust import TrustObject, TrustObjectKind
from hub.operations.large_reading import IN_ROWS, Originals

_SUFFIX: Final = {
    TrustObjectKind.CRL: "crl",
    TrustObjectKind.OCSP: "ocsp",
    TrustObjectKind.CERTIFICATE: "der",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One file."""

    message_id: MessageId
    octets: bytes = field(repr=False)
    members: tuple[str, ...]


async def export(database: Database, name: str, originals: Originals = IN_ROWS) -> Evidence:
    """Return evidence for the one message that *name* means (as for `truc trace`).

    The same record gives the same octets; a large document takes as much memory. Raises `OperationRefused`
    where *name* means nothing, or several.
    """
    async with database.transaction() as transaction:
        await transaction.execute("set transaction isolation level repeatable read read only")
        found = await find_messages(transaction, name)
        if len(found) != 1:
            told = ", ".join(map(str, found)) or "nothing / không có gì"
            raise OperationRefused(f"{name} has to mean one message, and means {told}")
        proof = await read_proof(transaction, found[0])
    content = dict(_members(proof))
    if proof.document.body is not None:
        content[members.DOCUMENT] = await _original(proof.document, originals)
    for message_id, letter in proof.statuses.items():
        if letter.body is not None:
            content[_name_of_status(message_id)] = await _original(letter, originals)
    return Evidence(message_id=found[0], octets=container.write(content), members=tuple(sorted(content)))


async def _original(letter: Letter, originals: Originals) -> bytes:
    original = await originals.open(letter.mailbox, letter.body or b"")
    return await original.whole()


def _members(proof: Proof) -> Iterator[tuple[str, bytes]]:
    for sheet_id, body in proof.sheets.items():
        yield f"{members.RECEIPTS}{sheet_id}.xml", body
    for listed, token in proof.stamps.items():
        name = f"{members.STAMPS}{sha256(listed).hexdigest()}"
        yield from ((f"{name}.txt", listed), (f"{name}.tst", token))
    for overlay in proof.dossier.overlays:
        yield f"{members.OVERLAYS}{overlay.overlay_id}.xml", overlay.body
    kept = (proof.document.verdict, *(each.verdict for each in proof.statuses.values()), *proof.hub_verdicts)
    for verdict in kept:
        yield from _trust(verdict)
    yield members.EVENTS, members.write_events(iter(proof.events))
    yield members.RECORD, _record(proof)


def _trust(verdict: KeptVerdict | None) -> Iterator[tuple[str, bytes]]:
    """Yield the certificates and the revocation data that led to *verdict*."""
    if verdict is None:
        return
    for each in (*verdict.validation.path, *verdict.validation.revocation):
        yield _name_of(each), each.body


def _name_of(each: TrustObject) -> str:
    folder = members.CERTIFICATES if each.kind is TrustObjectKind.CERTIFICATE else members.REVOCATION
    return f"{folder}{each.digest.hex()}.{_SUFFIX[each.kind]}"


def _name_of_status(message_id: MessageId) -> str:
    return f"{members.STATUSES}{message_id}.xml"


def _record(proof: Proof) -> bytes:
    """Write what the axis itself recorded: for people, and proved by nothing here."""
    dossier = proof.dossier
    letters = {members.DOCUMENT: proof.document}
    letters |= {_name_of_status(message_id): each for message_id, each in proof.statuses.items()}
    record = {
        "received": {name: each.received_at for name, each in letters.items()},
        "verdicts": {
            name: _verdict(each.verdict) for name, each in letters.items() if each.verdict is not None
        },
        "hub": [{"judged": each.received_at, **_verdict(each)} for each in proof.hub_verdicts],
        "message": asdict(dossier.message),
        "deliveries": [asdict(each) for each in dossier.deliveries],
        "attempts": sorted(
            (asdict(each) for each in dossier.attempts),
            key=lambda each: (each["at"], str(each["delivery_id"]), each["attempt"]),
        ),
        "receipts": sorted((asdict(each) for each in dossier.receipts), key=lambda each: each["receipt_id"]),
        "overlays": [
            {name: value for name, value in asdict(each).items() if name != "body"}
            for each in dossier.overlays
        ],
        "statuses": sorted((asdict(each) for each in dossier.statuses), key=lambda each: each["message_id"]),
        "actions": sorted((asdict(each) for each in dossier.actions), key=lambda each: each["at"]),
    }
    return json.dumps(record, indent=1, ensure_ascii=False, default=_plain).encode()


def _verdict(verdict: KeptVerdict) -> dict[str, object]:
    validation = verdict.validation
    return {
        "indication": validation.indication,
        "sub_indication": validation.sub_indication,
        "policy": validation.policy,
        "note": validation.note,
        "path": [_name_of(each) for each in validation.path],
        "revocation": [_name_of(each) for each in validation.revocation],
    }


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else str(value)
