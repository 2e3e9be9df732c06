"""Signed documents of a given size, as many as a load needs: composed and signed by the agencies' kit."""

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

from adapters.kit.draft import AttachmentDraft, DocumentDraft, Party, Signer
from adapters.kit.envelope import compose_document
from adapters.kit.keyring import seal
from adapters.kit.settings import KitSettings, read_settings
from hub.message.identifiers import DocumentId

A_PDF_BEGINS = b"%PDF-1.4\n"
CHUNK = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Documents that differ in their ids and in their content, and in nothing else."""

    label: str
    """Part of every DocumentId: what was accepted under another label stays another document."""
    sender: str
    recipients: tuple[str, ...]
    octets: int


class Press:
    """Makes series on every core; to be closed."""

    def __init__(self, pool: ProcessPoolExecutor, kit_file: Path) -> None:
        self._pool = pool
        self._kit_file = kit_file

    def make(self, series: Series, count: int) -> list[bytes]:
        """Return *count* signed envelopes of about `series.octets` each."""
        places = [range(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK)]
        jobs = [self._pool.submit(_make, self._kit_file, series, list(numbers)) for numbers in places]
        return [body for job in jobs for body in job.result()]


def _make(kit_file: Path, series: Series, numbers: Sequence[int]) -> list[bytes]:
    settings = _settings(kit_file)
    enclosed = _octets_to_enclose(kit_file, series)
    return [_sealed(settings, series, number, enclosed) for number in numbers]


@cache
def _settings(kit_file: Path) -> KitSettings:
    return read_settings(kit_file)


@cache
def _octets_to_enclose(kit_file: Path, series: Series) -> int:
    """Return how large the file must be that fills the envelope up: base64 makes 4 octets of 3."""
    empty = len(_sealed(_settings(kit_file), series, 10_000, len(A_PDF_BEGINS)))
    return max(len(A_PDF_BEGINS), len(A_PDF_BEGINS) + (series.octets - empty) * 3 // 4)


def _sealed(settings: KitSettings, series: Series, number: int, enclosed: int) -> bytes:
    # Random, because a real PDF is compressed: neither the broker nor the database can make it smaller.
    content = A_PDF_BEGINS + os.urandom(enclosed - len(A_PDF_BEGINS))
    return seal(compose_document(_draft(series, number, content)), settings.keys).body


def _draft(series: Series, number: int, content: bytes) -> DocumentDraft:
    return DocumentDraft(
        sender=Party(code=series.sender, name="Văn phòng đo lường", email="vanthu@example.vn"),
        recipients=tuple(Party(code=code, name=f"Cơ quan {code}") for code in series.recipients),
        document_id=DocumentId(f"{series.sender},2026/03/09,{series.label}/{number:06d}"),
        code_number=str(number),
        code_notation=f"VPDL-{series.label}",
        promulgated_on=date(2026, 3, 9),
        subject=f"V/v đo lường đường truyền văn bản, văn bản thứ {number}",
        signer=Signer(full_name="Trần Đo Lường", position="Chánh Văn phòng", competence="TL."),
        at=datetime.now(UTC),
        attachments=(AttachmentDraft(name=f"cong-van-{number}.pdf", content=content),),
    )
