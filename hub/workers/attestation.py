"""The hub's pen: receipts are written and signed off the event loop."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from hub.message.receipt import Receipt
from hub.message.receipt_xml import write_receipt
from hub.signature.signing import SigningKey, sign_receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """Signs receipts with the hub's key; implements `hub.ports.Attest`."""

    key: SigningKey
    executor: Executor

    async def __call__(self, receipts: Sequence[Receipt]) -> Sequence[bytes]:
        """Return the signed XML of each of *receipts*, in order."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.executor, self._sign, receipts)

    def _sign(self, receipts: Sequence[Receipt]) -> list[bytes]:
        return [sign_receipt(write_receipt(receipt), self.key) for receipt in receipts]
