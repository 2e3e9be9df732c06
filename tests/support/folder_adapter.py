"""The folder adapter as a process of its own, and a clerk in front of its folder."""

import asyncio
import json
import os
import signal
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

from hub.commands.local_axis import LocalAgency
from tests.support.waiting import until

PDF = b"%PDF-1.4\n" + b"x" * 2_000
START_SECONDS = 40.0


class FolderAdapter:
    """One agency's folder; the process may be killed and started again, the folder stays."""

    def __init__(
        self, agency: LocalAgency, home: Path, *, root: Path | None = None, **limits: object
    ) -> None:
        self.agency = agency
        self.home = home
        self.root = root or home / "van-ban"
        self.settings = home / "folder.toml"
        home.mkdir(parents=True, exist_ok=True)
        fast: dict[str, object] = {"settle_seconds": 0.2, "poll_seconds": 0.1}
        self.settings.write_text(_settings(agency, self.root, fast | limits), "utf-8")
        self._process: asyncio.subprocess.Process | None = None
        self._opened = 0

    # ——— the process ———

    async def start(self, *, crash_at: str = "") -> "FolderAdapter":
        with (self.home / "process.log").open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "adapters.folder",
                "--settings",
                str(self.settings),
                "run",
                env={**os.environ, "TRUC_CRASH_AT": crash_at},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
            )
        return self

    async def ready(self) -> "FolderAdapter":
        """Return once it holds its folder."""
        self._opened += 1
        await until(
            lambda: len(self.lines("folder.opened")) >= self._opened, what=self.story, seconds=START_SECONDS
        )
        return self

    async def crashed(self) -> None:
        """Return when it has killed itself."""
        assert self._process is not None
        try:
            code = await asyncio.wait_for(self._process.wait(), START_SECONDS)
        except TimeoutError:
            raise AssertionError(f"it lives on:\n{self.story()}") from None
        assert code == -signal.SIGKILL, self.story()
        self._process = None

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            assert await asyncio.wait_for(self._process.wait(), 30) == 0, self.story()
        self._process = None

    def lines(self, event: str) -> list[dict[str, object]]:
        written = self.story(whole=True).splitlines()
        found = [json.loads(line) for line in written if line.startswith("{")]
        return [line for line in found if line["event"] == event]

    def story(self, *, whole: bool = False) -> str:
        text = (self.home / "process.log").read_text("utf-8", "replace")
        return text if whole else text[-3000:]

    # ——— the clerk ———

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


def _settings(agency: LocalAgency, root: Path, limits: Mapping[str, object]) -> str:
    kit = tomllib.loads(agency.kit_file.read_text("utf-8"))
    keys = kit.pop("keys")
    kit["journal"] = "folder.journal"
    tables = [("[kit]", kit), *(("[[kit.keys]]", key) for key in keys), ("[limits]", limits)]
    parts = [f"folder = {json.dumps(str(root))}", *(f"{head}\n{_table(values)}" for head, values in tables)]
    return "\n".join(parts)


def _table(values: Mapping[str, object]) -> str:
    # JSON writes strings, numbers, booleans and lists of strings as TOML does.
    return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())
