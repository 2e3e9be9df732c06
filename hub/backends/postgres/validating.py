"""Verdicts on signing certificates and the evidence for them: each is kept once, whoever shares it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from hub.backends.postgres.pool import Transaction
from hub.backends.postgres.statements import columns, statement
from hub.message.identifiers import Digest, MessageId
from hub.message.trust import Indication, RevocationPolicy, TrustObject, TrustObjectKind, Validation

_REMEMBERED: Final = 10_000


class KeptValidations:
    """What this process knows to be kept already, so that a usual commit writes nothing of it."""

    def __init__(self) -> None:
        """Know nothing."""
        self._kept: set[Digest] = set()

    def missing(self, validations: Iterable[Validation | None]) -> list[Validation]:
        """Return those of *validations* that may have to be kept yet, in the order of their identifiers."""
        found = {
            each.validation_id: each
            for each in validations
            if each is not None and each.validation_id not in self._kept
        }
        return [found[key] for key in sorted(found)]

    def remember(self, kept: Sequence[Validation]) -> None:
        """Note that *kept* are committed."""
        if len(self._kept) > _REMEMBERED:
            self._kept.clear()
        self._kept.update(each.validation_id for each in kept)

    def forget(self) -> None:
        """Know nothing any more: after an outage the database may be another one."""
        self._kept.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptVerdict:
    """A verdict as it was kept with a message, and the instant at which it was reached."""

    received_at: datetime
    validation: Validation


async def keep(transaction: Transaction, validations: Sequence[Validation]) -> None:
    """Keep *validations* with all their evidence."""
    objects = {
        each.digest: each for validation in validations for each in (*validation.path, *validation.revocation)
    }
    if not objects:
        return
    rows = [(key, objects[key].kind.value, objects[key].body) for key in sorted(objects)]
    await transaction.execute(statement("insert_trust_objects"), *columns(rows, 3))
    for each in validations:
        await transaction.execute(
            statement("insert_validation"),
            each.validation_id,
            each.indication.value,
            each.sub_indication,
            each.policy.value,
            each.note,
            [part.digest for part in each.path],
            [part.digest for part in each.revocation],
        )


async def read(connection: Transaction, message_id: MessageId) -> KeptVerdict | None:
    """Return the verdict that was kept with the message; None where there is none."""
    row = await connection.fetchrow(statement("read_validation"), message_id)
    return None if row is None else await _verdict(connection, row)


async def read_of_hub(connection: Transaction, message_id: MessageId) -> tuple[KeptVerdict, ...]:
    """Return the verdicts on the hub's certificates before and after it signed receipts of the message."""
    found = await connection.fetch(statement("read_hub_validations_of_message"), message_id)
    query = statement("read_validation_by_id")
    rows = [await connection.fetchrow(query, each["validation_id"], each["judged_at"]) for each in found]
    return tuple([await _verdict(connection, row) for row in rows if row is not None])


async def _verdict(connection: Transaction, row: asyncpg.Record) -> KeptVerdict:
    rows = await connection.fetch(statement("read_trust_objects"), [*row["path"], *row["revocation"]])
    objects = {
        found["digest"]: TrustObject.of(TrustObjectKind(found["kind"]), found["body"]) for found in rows
    }
    validation = Validation(
        indication=Indication(row["indication"]),
        sub_indication=row["sub_indication"],
        policy=RevocationPolicy(row["policy"]),
        note=row["note"],
        path=tuple(objects[key] for key in row["path"]),
        revocation=tuple(objects[key] for key in row["revocation"]),
    )
    return KeptVerdict(received_at=row["received_at"], validation=validation)
