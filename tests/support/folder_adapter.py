"""The folder adapter as a process of its own, and a clerk in front of its folder."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path

from hub.commands.local_axis import LocalAgency
from tests.support.adapter_process import AdapterProcess

PDF = b"%PDF-1.4\n" + b"x" * 2_000


class FolderAdapter(AdapterProcess):
    """One agency's folder; the process may be killed and started again, the folder stays."""

    name = "folder"
    opened = "folder.opened"

    def __init__(
        self, agency: LocalAgency, home: Path, *, root: Path | None = None, **limits: object
    ) -> None:
        super().__init__(agency, home)
        self.root = root or home / "van-ban"
        fast: dict[str, object] = {"settle_seconds": 0.2, "poll_seconds": 0.1}
        self._set([("", {"folder": str(self.root)})], [("[limits]", fast | limits)])

    def drop(self, name: str, content: bytes) -> None:
        """Put a file into `out/` as a good program does: under another name first."""
        self.out.mkdir(parents=True, exist_ok=True)
        draft = self.out / f".{name}.part"
        draft.write_bytes(content)
        draft.rename(self.out / name)

    def drop_letter(self, stem: str, to: LocalAgency, *, content: bytes = PDF, extra: str = "") -> None:
        """Drop a PDF with what there is to say about it."""
        self.drop(f"{stem}.pdf", content)
        self.drop(f"{stem}.toml", letter(to.code, extra=extra).encode())

    @property
    def out(self) -> Path:
        return self.root / "out"

    def left(self) -> list[str]:
        """Return what lies in `out/`."""
        return sorted(each.name for each in self.out.iterdir())

    def sent(self) -> list[Path]:
        return sorted(self.root.glob("sent/*/*"))

    def refused(self) -> list[Path]:
        return sorted(self.root.glob("refused/*/*"))

    def arrived(self) -> list[Path]:
        return sorted(each for each in self.root.glob("in/2*/*"))

    def info(self, folder: Path) -> Mapping[str, object]:
        return tomllib.loads((folder / "info.toml").read_text("utf-8"))


def letter(*recipients: str, extra: str = "") -> str:
    """Return the small TOML file of a document."""
    return (
        f"noi_nhan = {json.dumps(list(recipients))}\n"
        'so_ky_hieu = "12/TB-VP"\n'
        "ngay = 2026-11-20\n"
        'trich_yeu = "V/v thử nghiệm thư mục"\n'
        'nguoi_ky = "Trần Thị Thử"\n'
        f"{extra}\n"
    )
