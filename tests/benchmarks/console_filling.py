"""Two hundred thousand documents to two recipients each, and a hundred thousand dead letters, as rows."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import asyncpg

DOCUMENTS, CASES = 200_000, 100_000
SENDERS = tuple(f"G{number:02}" for number in range(1, 31))
RECIPIENTS = tuple(f"H{number:02}" for number in range(1, 61))
DAYS = 60
WORDS = [
    "kế",
    "hoạch",
    "đầu",
    "tư",
    "công",
    "báo",
    "cáo",
    "quyết",
    "định",
    "về",
    "việc",
    "triển",
    "khai",
    "thông",
    "tư",
    "nghị",
    "định",
    "hướng",
    "dẫn",
    "thực",
    "hiện",
    "năm",
    "tỉnh",
    "huyện",
    "xã",
    "ban",
    "hành",
    "phê",
    "duyệt",
    "dự",
    "án",
    "ngân",
    "sách",
    "giáo",
    "dục",
    "y",
    "tế",
]
CAUSES = ("rejected", "delivery_limit", "unroutable")
TAKEN = ("finished", "finished", "finished", "processing", "accepted", "arrived", "consigned")
MESSAGES = [
    "message_id",
    "kind",
    "verdict",
    "mailbox",
    "submission_id",
    "digest",
    "octets",
    "sender",
    "document_id",
    "business_type",
    "code_number",
    "code_notation",
    "subject",
    "content_digest",
    "received_at",
    "due_on",
    "body",
]
DELIVERIES = [
    "delivery_id",
    "message_id",
    "kind",
    "mailbox",
    "sender",
    "recipient",
    "document_id",
    "business_type",
    "content_digest",
    "is_urgent",
    "lane_number",
    "correlation_id",
    "state",
    "is_current",
    "attempt",
    "created_at",
    "consigned_at",
    "expires_at",
]
CASE_COLUMNS = [
    "delivery_id",
    "mailbox",
    "cause",
    "episode",
    "opened_at",
    "cause_code",
    "cause_rule",
    "sender",
    "recipient",
]
Row = tuple[object, ...]


class Filling:
    """The rows, the same each time but for the day on which they end."""

    def __init__(self, *, documents: int = DOCUMENTS, cases: int = CASES) -> None:
        self.documents, self.cases = documents, cases
        self._now = datetime.now(UTC)
        self._random = Random(2026)

    async def into(self, connection: asyncpg.Connection) -> None:
        """Copy everything into an empty database, whose administrator *connection* is."""
        await connection.execute(
            "set session_replication_role = replica"
        )  # foreign keys take most of the time
        for code in (*SENDERS, *RECIPIENTS):
            await connection.execute(
                "insert into agencies (key, code, name, level) values ($1, $1, $2, 1)",
                code,
                f"Cơ quan {code}",
            )
            await connection.execute(
                "insert into mailboxes (name, agency, kind) values ($1, $1, 'agency')", code
            )
        await _copy(connection, "messages", MESSAGES, self._messages())
        await _copy(connection, "deliveries", DELIVERIES, self._deliveries())
        await _copy(connection, "cases", CASE_COLUMNS, self._cases())

    async def settle(self, connection: asyncpg.Connection) -> None:
        """Let the database know what it has, as it does by itself within minutes."""
        await connection.execute("vacuum analyze", timeout=240)

    def _messages(self) -> Iterator[Row]:
        for number in range(self.documents):
            at = self._at(number)
            sender = SENDERS[number % len(SENDERS)]
            subject = " ".join(self._random.choices(WORDS, k=12))
            digest = number.to_bytes(32, "big")
            due = (at + timedelta(days=20)).date() if number % 10 == 0 else None
            yield (
                *(_id(at, number), "document", "accepted", sender, str(number), digest, 10, sender),
                *(f"D{number}", 0, str(number % 900), "UBND-VX", subject, digest, at, due, b"x"),
            )

    def _deliveries(self) -> Iterator[Row]:
        for number in range(self.documents):
            at, sender = self._at(number), SENDERS[number % len(SENDERS)]
            for place in range(2):
                is_dead = self._is_dead(number, place)
                recipient = RECIPIENTS[(number + place) % len(RECIPIENTS)]
                state = "dead" if is_dead else TAKEN[number % len(TAKEN)]
                yield (
                    *(_id(at, number * 2 + place), _id(at, number), "document", recipient, sender, recipient),
                    *(f"D{number}", 0, number.to_bytes(32, "big"), number % 50 == 0, number, str(number)),
                    *(state, not is_dead, 6 if is_dead else 1, at, at + timedelta(seconds=1)),
                    at + timedelta(days=15),
                )

    def _cases(self) -> Iterator[Row]:
        for number in range(self.documents):
            if self._is_dead(number, 0):
                at, code = self._at(number), CAUSES[number % len(CAUSES)]
                rule = f"rule {number % 5}" if number % 5 else None
                recipient, sender = RECIPIENTS[number % len(RECIPIENTS)], SENDERS[number % len(SENDERS)]
                yield (
                    *(_id(at, number * 2), recipient, f"{code} at attempt 6", 1, at + timedelta(hours=7)),
                    *(code, rule, sender, recipient),
                )

    def _is_dead(self, number: int, place: int) -> bool:
        every = self.documents // self.cases
        return place == 0 and number % every == 0 and number // every < self.cases

    def _at(self, number: int) -> datetime:
        return self._now - timedelta(days=DAYS) * ((self.documents - number) / self.documents)


def _id(at: datetime, number: int) -> UUID:
    """Return an identifier that sorts by time, as the hub's do (UUIDv7)."""
    return UUID(int=(int(at.timestamp() * 1000) << 80) | (7 << 76) | (2 << 62) | number)


async def _copy(connection: asyncpg.Connection, table: str, columns: list[str], rows: Iterable[Row]) -> None:
    await connection.copy_records_to_table(table, records=rows, columns=columns, timeout=240)
