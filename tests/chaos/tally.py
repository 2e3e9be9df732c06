"""Counts what the ledgers say while a campaign runs: reads on where it stopped."""

import json
from collections import Counter
from pathlib import Path


class Tally:
    """What has happened so far, by kind of entry; receipts by their event, each one once."""

    def __init__(self, folder: Path) -> None:
        """Count in every ledger below *folder*."""
        self._folder = folder
        self._read: dict[Path, int] = {}
        self._receipts: set[object] = set()
        self.counts: Counter[str] = Counter()

    def update(self) -> bool:
        """Read on; tell whether anything was new."""
        fresh = [self._update(path) for path in sorted(self._folder.glob("**/*.ledger"))]
        return any(fresh)

    def __str__(self) -> str:
        """Tell it in a line."""
        names = {
            "submitted": "submitted",
            "SubmissionAcceptance": "accepted",
            "SubmissionRejection": "refused",
            "effected": "delivered",
            "ContentHandover": "handed over",
            "ContentConsignmentFailure": "given up",
        }
        return " · ".join(f"{name} {self.counts[kind]}" for kind, name in names.items())

    def _update(self, path: Path) -> bool:
        with path.open("rb") as file:
            file.seek(self._read.get(path, 0))
            fresh = file.read()
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self._read[path] = self._read.get(path, 0) + len(whole)
        for line in whole.splitlines():
            self._count(json.loads(line))
        return bool(whole)

    def _count(self, entry: dict[str, object]) -> None:
        if entry["kind"] != "receipt":
            self.counts[str(entry["kind"])] += 1
        elif entry["receipt_id"] not in self._receipts:
            self._receipts.add(entry["receipt_id"])
            self.counts[str(entry["event"])] += 1
