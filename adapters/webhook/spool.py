"""The documents that the agency may fetch, a folder each: there wholly or not at all."""

import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from io import BytesIO
from pathlib import Path
from tempfile import mkdtemp
from typing import IO, Final
from uuid import UUID

from adapters.kit.delivery import Delivery
from adapters.kit.disk import sync
from adapters.webhook.shapes import AttachmentShape, DeliveryShape, DocumentShape, EnvelopeShape

_ABOUT: Final = "delivery.json"
_BODY: Final = "body.edxml"
_UNFINISHED: Final = ".unfinished"


class Spool:
    """One folder with one folder for each delivery; all of it blocks, and so is called in threads."""

    def __init__(self, folder: Path, public_url: str) -> None:
        """Keep in *folder* what can be fetched below *public_url*."""
        self.unfinished: Final = folder / _UNFINISHED
        """Where things are put together; nothing in it is promised."""
        self._folder = folder
        self._url = f"{public_url}/v1/deliveries"

    def open(self) -> None:
        """Make the folder, and remove what was being kept when a process died."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.rmtree(self.unfinished, ignore_errors=True)

    def fresh(self) -> Path:
        """Return an empty folder for something that is being taken; a crash leaves it to the next `open`."""
        (self.unfinished).mkdir(mode=0o700, exist_ok=True)
        return Path(mkdtemp(dir=self.unfinished))

    def keep(self, delivery: Delivery, at: datetime) -> DeliveryShape:
        """Return *delivery* as it is kept; what was kept before stays as it is."""
        kept = self.find(delivery.delivery_id)
        if kept is not None:
            return kept
        draft = self.unfinished / str(delivery.delivery_id)
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700, parents=True)
        try:
            shape = self._write(draft, delivery, at)
        except OSError:
            shutil.rmtree(draft, ignore_errors=True)  # on a full disk, nothing half done takes room
            raise
        draft.rename(self._place(delivery.delivery_id))
        sync(self._folder)
        return shape

    def find(self, delivery_id: UUID) -> DeliveryShape | None:
        """Return what is kept of a delivery; None where it is not here any more."""
        try:
            return DeliveryShape.model_validate_json((self._place(delivery_id) / _ABOUT).read_bytes())
        except FileNotFoundError:
            return None

    def body(self, delivery_id: UUID) -> Path:
        """Return where the signed bytes lie."""
        return self._place(delivery_id) / _BODY

    def attachment(self, delivery_id: UUID, number: int) -> Path:
        """Return where an attachment lies."""
        return self._place(delivery_id) / str(number)

    def sweep(self, before: datetime) -> int:
        """Remove what was kept before *before*; return how many deliveries that were."""
        old = [each for each in self._kept() if each.stat().st_mtime < before.timestamp()]
        for each in old:
            shutil.rmtree(each, ignore_errors=True)
        return len(old)

    def _kept(self) -> Iterator[Path]:
        return (each for each in self._folder.iterdir() if each.is_dir() and each.name != _UNFINISHED)

    def _place(self, delivery_id: UUID) -> Path:
        return self._folder / str(delivery_id)

    def _write(self, draft: Path, delivery: Delivery, at: datetime) -> DeliveryShape:
        with delivery.open() as body:
            _write(draft / _BODY, body)
        for number, each in enumerate(delivery.attachments, start=1):
            with each.open() as content:
                _write(draft / str(number), content)
        shape = self._shape(delivery, at)
        _write(draft / _ABOUT, BytesIO(shape.model_dump_json().encode()))
        sync(draft)
        return shape

    def _shape(self, delivery: Delivery, at: datetime) -> DeliveryShape:
        url = f"{self._url}/{delivery.delivery_id}"
        body = EnvelopeShape(octets=delivery.octets, sha256=delivery.digest.hex(), url=f"{url}/body")
        return DeliveryShape(
            delivery_id=delivery.delivery_id,
            arrived_at=at,
            sender=delivery.header.sender,
            recipient=delivery.recipient,
            lane_number=delivery.consignment.lane_number,
            signature=delivery.signature.as_detail(),
            document=_document(delivery),
            envelope=body,
            attachments=list(_attachments(delivery, url)),
        )


def _document(delivery: Delivery) -> DocumentShape:
    header = delivery.header
    return DocumentShape(
        document_id=header.document_id,
        number=header.code_number,
        notation=header.code_notation,
        promulgated_on=header.promulgated_on,
        subject=header.subject,
        business_type=header.business_type.value,
        priority=header.priority,
        due_on=header.due_on,
        secrecy=header.secrecy,
        recipients=list(header.recipients),
        affects=list(header.affects),
    )


def _attachments(delivery: Delivery, url: str) -> Iterator[AttachmentShape]:
    for number, each in enumerate(delivery.attachments, start=1):
        yield AttachmentShape(
            number=number,
            name=each.name,
            content_type=each.content_type,
            octets=each.octets,
            sha256=each.digest.hex(),
            url=f"{url}/attachments/{number}",
        )


def _write(path: Path, content: IO[bytes]) -> None:
    with path.open("xb") as file:
        shutil.copyfileobj(content, file)
        file.flush()
        os.fsync(file.fileno())
