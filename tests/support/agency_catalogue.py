"""A catalogue of agencies as a hub tells it, grown and changed by a test."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from adapters.vxp.catalogue.entry import CatalogueEntry, CataloguePage
from hub.message.identifiers import AgencyCode, AgencyKey, agency_key

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


class HubCatalogue:
    """What the hub's endpoint answers from; a twin of `hub.operations.agency_catalogue`."""

    def __init__(self, limit: int = 2) -> None:
        self.entries: dict[AgencyKey, CatalogueEntry] = {}
        self.version = 0
        self.limit = limit
        self.asked: list[tuple[str, int]] = []
        self.meanwhile: list[CatalogueEntry] = []
        """What is entered behind the back of whoever reads, one entry after each page."""

    def enter(
        self, code: str, name: str = "", *, parent: str | None = None, is_open: bool = True
    ) -> CatalogueEntry:
        """Enter or change an agency."""
        key, before = agency_key(code), self.entries.get(agency_key(code))
        above = agency_key(parent) if parent is not None else None
        self.version += 1
        self.entries[key] = CatalogueEntry(
            number=before.number if before is not None else len(self.entries) + 1,
            key=key,
            code=AgencyCode(code),
            name=name or code,
            level=self.entries[above].level + 1 if above in self.entries else 1,
            parent=above,
            closed_at=None if is_open else NOW,
            successor=None,
            version=self.version,
            changed_at=NOW + timedelta(seconds=self.version),
        )
        return self.entries[key]

    async def ask(self, *, after: str, since: int, tag: str = "", limit: int = 5000) -> CataloguePage | None:
        """Answer as the endpoint does."""
        self.asked.append((after, since))
        if tag == f'"{self.version}"':
            return None
        size = min(limit, self.limit)
        found = [self.entries[key] for key in sorted(self.entries) if key > after]
        page = [each for each in found if each.version > since][:size]
        version = self.version
        if self.meanwhile:
            late = self.meanwhile.pop(0)
            self.enter(late.code, late.name, parent=late.parent)
        return CataloguePage(
            version=version, agencies=tuple(page), next_after=page[-1].key if len(page) == size else None
        )

    def export(self, path: Path) -> Path:
        """Write as `truc agency export` does."""
        return export(path, self.entries.values())


def export(path: Path, entries: Iterable[CatalogueEntry]) -> Path:
    """Write *entries* as `truc agency export` does."""
    lines = [json.dumps(each.model_dump(mode="json"), ensure_ascii=False) + "\n" for each in entries]
    path.write_text("".join(lines), encoding="utf-8")
    return path
