"""RabbitMQ 4 beside the machine's own: packages of Debian's next suite, unpacked into a private folder.

Nothing is installed. apt works on a state of its own, from the mirror that the machine uses already, and
verifies what it fetches against Debian's keyring. The programs get their suite's own C library, since the
machine's is older.
"""

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.address import StackError

SUITE: Final = "trixie"
"""Has RabbitMQ 4.0 with an Erlang that RabbitMQ supports; the suite after it has not."""
KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
FOLLOWED: Final = re.compile(r"erlang-[a-z0-9-]+|lib.+|zlib1g")
"""Which dependencies come along: Erlang and shared libraries, but no interpreters and no accounts."""
EXTRA: Final = ("patchelf",)
PARTS: Final = ("Depends", "PreDepends")
FINISHED: Final = "finished"
ROOM: Final = 400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NewerBroker:
    """The unpacked programs in *folder*; `fetch` makes them, once."""

    folder: Path

    @property
    def server(self) -> Path:
        """The script that starts a node; there once it was fetched."""
        found = sorted(self.folder.glob("usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server"))
        return found[-1] if found else self.folder / "rabbitmq-server"

    @property
    def programs(self) -> Path:
        """Where its Erlang is: to stand first on the PATH."""
        return self.folder / "usr/lib/erlang/bin"

    def is_there(self) -> bool:
        """Tell whether it was fetched completely."""
        return (self.folder / FINISHED).exists() and os.access(self.server, os.X_OK)

    def fetch(self, progress: Callable[[str], None]) -> None:
        """Fetch and unpack what is missing; quick where nothing is, safe beside another that fetches."""
        if self.is_there():
            return
        _require_tools()
        with _alone(self.folder):
            if self.is_there():
                return
            _require_room(self.folder)
            progress(
                f"fetching RabbitMQ 4 from Debian's {SUITE} into {self.folder} (once, about a minute: 35 MB)"
            )
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            with tempfile.TemporaryDirectory(prefix="truc-apt-") as scratch:
                _unpack(_download(Path(scratch)), self.folder)
            _make_self_contained(self.folder)
            _check(self)
            (self.folder / FINISHED).touch()
            progress(f"RabbitMQ {version_of(self.server)} is ready")


def newer_broker() -> NewerBroker:
    """Say where it is or will be: one for all checkouts of a user, `TRUC_CACHE` names another place."""
    cache = os.environ.get("TRUC_CACHE") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(cache).absolute() / "truc" / f"rabbitmq-{SUITE}"
    # Erlang reads no path beyond ASCII, and its start scripts split at blanks.
    if not str(folder).isascii() or " " in str(folder):
        folder = Path("/var/tmp") / f"truc-{os.getuid()}" / f"rabbitmq-{SUITE}"  # noqa: S108  # checked below
    return NewerBroker(folder=folder)


def version_of(server: Path) -> str:
    """Read the version of RabbitMQ from the real path of *server*; empty where it does not say."""
    found = re.search(r"rabbitmq_server-([0-9.]+)", str(server.resolve()))
    return found.group(1) if found else ""


def _require_tools() -> None:
    missing = [tool for tool in ("apt-get", "apt-cache", "dpkg-deb") if shutil.which(tool) is None]
    if missing:
        raise StackError(
            f"RabbitMQ 4 is fetched with Debian's tools, and {', '.join(missing)} is not here: "
            "install RabbitMQ 4 yourself and name its script in TRUC_RABBITMQ_SERVER"
        )
    if not KEYRING.exists():
        raise StackError(f"{KEYRING} is missing: install debian-archive-keyring, to verify what is fetched")


def _require_room(folder: Path) -> None:
    if (free := shutil.disk_usage(folder.parent).free) < ROOM:
        raise StackError(
            f"RabbitMQ 4 needs {ROOM // 1_000_000} MB in {folder.parent}, {free // 1_000_000} are free: "
            "make room, or name another place in TRUC_CACHE"
        )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's place against a second fetch; refuse a place where somebody else may write."""
    folder.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if folder.parent.stat().st_uid != os.getuid():
        raise StackError(f"{folder.parent} belongs to somebody else: name another place in TRUC_CACHE")
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _download(scratch: Path) -> list[Path]:
    """Let apt fetch and verify the packages into *scratch*."""
    for name in ("lists/partial", "cache/archives/partial", "debs"):
        (scratch / name).mkdir(parents=True)
    (scratch / "status").touch()
    (scratch / "sources.list").write_text(sources(_targets(), codename=_codename()), "utf-8")
    options = [part for setting in settings(scratch) for part in ("-o", setting)]
    _run(["apt-get", "-q", *options, "update"], folder=scratch)
    silent = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
    flags = [f"--no-{kind}" for kind in silent]
    listing = _run(["apt-cache", *options, "depends", "--recurse", *flags, "rabbitmq-server"], folder=scratch)
    names = needed("rabbitmq-server", listing)
    _run(["apt-get", "-q", *options, "download", *names, *EXTRA], folder=scratch / "debs")
    return sorted((scratch / "debs").glob("*.deb"))


def settings(scratch: Path) -> tuple[str, ...]:
    """Give apt a state of its own in *scratch*; proxies and the like stay the machine's."""
    return (
        f"Dir::State={scratch}",
        f"Dir::State::lists={scratch}/lists",
        f"Dir::State::status={scratch}/status",
        f"Dir::Cache={scratch}/cache",
        f"Dir::Etc::sourcelist={scratch}/sources.list",
        "Dir::Etc::sourceparts=/dev/null",
        "Dir::Etc::preferences=/dev/null",
        "Dir::Etc::preferencesparts=/dev/null",
        "APT::Update::Error-Mode=any",
        "APT::Sandbox::User=",  # the folder is private, also to apt's own user
        "Acquire::AllowInsecureRepositories=false",
        "Acquire::Retries=3",
    )


def _targets() -> str:
    form = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
    return _run(["apt-get", "indextargets", "--format", form, "Created-By: Packages"], folder=Path("/"))


def sources(targets: str, *, codename: str) -> str:
    """Write the newer suite's sources: *targets* says where the machine gets *codename*, its own one, from.

    Raises `StackError` where it has no source of Debian's main archive.
    """
    suites = {codename: SUITE, f"{codename}-security": f"{SUITE}-security"}
    rows = [line.split() for line in targets.splitlines()]
    mirrors = {suites[row[1]]: row[0] for row in rows if row[1] in suites and row[2] == "main"}
    if SUITE not in mirrors:
        raise StackError(
            f"apt has no source for {codename} main here, so nobody knows a mirror of Debian: "
            "install RabbitMQ 4 yourself and name its script in TRUC_RABBITMQ_SERVER"
        )
    return "".join(f"deb [signed-by={KEYRING}] {mirror} {suite} main\n" for suite, mirror in mirrors.items())


def _codename() -> str:
    text = Path("/etc/os-release").read_text("utf-8")
    found = re.search(r'^VERSION_CODENAME="?([a-z]+)', text, re.MULTILINE)
    return found.group(1) if found else ""


def needed(package: str, listing: str) -> list[str]:
    """Follow *package*'s dependencies through what `apt-cache depends --recurse` has listed."""
    wanted: dict[str, list[str]] = {}
    for line in listing.splitlines():
        kind, _, name = line.strip().lstrip("|").partition(": ")
        if not line.startswith(" "):
            last = wanted.setdefault(line.strip(), [])
        elif kind in PARTS and FOLLOWED.fullmatch(name):
            last.append(name)
    found = [package]
    for name in found:  # grows while it is walked
        found += sorted({other for other in wanted.get(name, ()) if other not in found and other in wanted})
    return found


def _unpack(packages: Iterable[Path], folder: Path) -> None:
    for package in packages:
        _run(["dpkg-deb", "--extract", str(package), str(folder)], folder=folder)


def _make_self_contained(folder: Path) -> None:
    """Let Erlang's programs load the C library and all others from *folder* alone."""
    library = next(folder.glob("usr/lib/*/libc.so.6")).parent
    linker = next(path for path in folder.glob("usr/lib*/ld-linux*.so.*") if path.exists())
    patchelf = [str(linker), "--library-path", str(library), str(folder / "usr/bin/patchelf")]

    def patch(binary: Path) -> None:
        # An old-style path: it holds for the libraries of the libraries, too.
        _run([*patchelf, "--force-rpath", "--set-rpath", str(library), str(binary)], folder=folder)
        if not binary.name.endswith(".so"):
            _run([*patchelf, "--set-interpreter", str(linker), str(binary)], folder=folder)

    erlang = folder / "usr/lib/erlang"
    with ThreadPoolExecutor(max_workers=2) as workers:
        list(workers.map(patch, _binaries(erlang)))
    for script in _scripts(erlang):
        text = script.read_text("utf-8")
        script.write_text(text.replace("/usr/lib/erlang", str(erlang)), "utf-8")


def _binaries(folder: Path) -> list[Path]:
    return [path for path in _files(folder) if _begins(path, b"\x7fELF") and path.suffix != ".o"]


def _scripts(folder: Path) -> list[Path]:
    return [path for path in _files(folder) if path.parent.name == "bin" and _begins(path, b"#!")]


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _begins(path: Path, mark: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(mark)) == mark


def _check(broker: NewerBroker) -> None:
    """Start its Erlang once with the library that is most particular about its surroundings."""
    expression = "{ok, _} = application:ensure_all_started(ssl), halt(0)."
    erlang = str(broker.programs / "erl")
    _run([erlang, "-noshell", "-boot", "start_clean", "-eval", expression], folder=broker.folder)


def _run(command: list[str], *, folder: Path) -> str:
    """Run *command* without questions and return what it says; quote it where it fails."""
    outcome = subprocess.run(
        command,
        check=False,
        cwd=folder,
        env=os.environ | {"LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if outcome.returncode:
        end = "\n".join(outcome.stdout.splitlines()[-15:])
        raise StackError(f"{Path(command[0]).name} failed while RabbitMQ 4 was fetched:\n{end}")
    return outcome.stdout
