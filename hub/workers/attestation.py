"""The hub's pen: receipts are written and signed off the event loop."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Final

from hub.errors import TemporaryFailure
from hub.message.receipt import Receipt
from hub.message.receipt_sheet import ReceiptSheet, write_sheets
from hub.signature.signing import SigningKey, sign_receipt

_TRIAL: Final = b"<Trial></Trial>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """Signs receipts with the hub's key; implements `hub.ports.Attest`."""

    key: SigningKey
    executor: Executor

    async def __call__(self, receipts: Sequence[Receipt]) -> Sequence[ReceiptSheet]:
        """Return *receipts* on signed sheets, those for one agency together."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.executor, self._sign, receipts)

    async def seal(self, documents: Sequence[bytes]) -> Sequence[bytes]:
        """Return *documents* of the hub, in canonical form, signed (`hub.ports.Seal`)."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.executor, self._sealed, documents)

    async def works(self) -> bool:
        """Whether the key signs now: one in a token may be away."""
        return await asyncio.get_running_loop().run_in_executor(self.executor, self._works)

    def _works(self) -> bool:
        try:
            sign_receipt(_TRIAL, self.key)
        except TemporaryFailure:
            return False
        return True

    def _sealed(self, documents: Sequence[bytes]) -> list[bytes]:
        return [sign_receipt(each, self.key) for each in documents]

    def _sign(self, receipts: Sequence[Receipt]) -> list[ReceiptSheet]:
        return [replace(sheet, body=sign_receipt(sheet.body, self.key)) for sheet in write_sheets(receipts)]
