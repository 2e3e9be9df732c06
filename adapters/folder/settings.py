"""The one settings file: the kit's settings, the folder, what is the same in most documents, and limits."""

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adapters.folder.metadata import Defaults
from adapters.kit.complaints import complaints_of, refused
from adapters.kit.settings import KitSettings, settings_of
from hub.errors import ConfigurationError

_MODE: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The folders, all of them in one and so on one file system: what moves between them moves at once."""

    root: Path

    @property
    def out(self) -> Path:
        """Where clerks drop what is to be sent."""
        return self.root / "out"

    @property
    def incoming(self) -> Path:
        """Where documents appear."""
        return self.root / "in"

    @property
    def unpacking(self) -> Path:
        """Where documents are unpacked before they appear."""
        return self.incoming / ".tmp"

    @property
    def work(self) -> Path:
        """Where what leaves `out/` is put together before it appears in `sent/` or `refused/`."""
        return self.root / ".work"

    @property
    def waiting(self) -> Path:
        """The file that says what in `out/` is not taken yet, and why."""
        return self.root / "waiting.txt"

    def all(self) -> tuple[Path, ...]:
        """Return every folder that has to be there."""
        names = ("sent", "refused")
        return (self.out, self.incoming, self.unpacking, self.work, *(self.root / name for name in names))


class Limits(BaseModel):
    """How patient, and how generous."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    settle_seconds: Annotated[float, Field(ge=0)] = 5.0
    """So long a file must look the same before it counts as complete."""
    poll_seconds: Annotated[float, Field(gt=0)] = 2.0
    needs_marker: bool = False
    """Take nothing without its `.ready` file."""
    max_files: Annotated[int, Field(ge=1)] = 50
    """In one document."""
    max_file_octets: Annotated[int, Field(ge=1)] = 10_000_000
    report_days: Annotated[int, Field(ge=1)] = 60
    """So long after it came or went, statuses for a document are looked for in its folder."""
    room_seconds: Annotated[float, Field(ge=0)] = 600.0
    """So long a delivery waits for room on a full disk before the axis gets it back to offer it later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderSettings:
    """Everything that one folder needs."""

    kit: KitSettings
    places: Places
    defaults: Defaults
    limits: Limits
    umask: int


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    folder: Path
    umask: Annotated[str, Field(pattern=r"^0?[0-7]{3}$")] = "077"
    """077 leaves everything to the adapter's own user (0700, 0600), 007 to its group as well."""
    kit: dict[str, object]
    defaults: Defaults = Defaults()
    limits: Limits = Limits()


def read_folder_settings(path: Path) -> FolderSettings:
    """Read the TOML file at *path*; paths in it start from its folder. Raises `ConfigurationError`."""
    try:
        file = _File.model_validate(tomllib.loads(path.read_text("utf-8-sig")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}") from error
    except ValidationError as error:
        raise refused([f"{path}:", *complaints_of(error, _File)]) from error
    return FolderSettings(
        kit=settings_of(file.kit, path.parent),
        places=Places(root=path.parent / file.folder),
        defaults=file.defaults,
        limits=file.limits,
        umask=int(file.umask, _MODE),
    )


def prepare(places: Places) -> None:
    """Make the folders that are missing; raises `ConfigurationError` where they cannot be used."""
    try:
        for each in places.all():
            each.mkdir(parents=True, exist_ok=True)
        systems = {each.stat().st_dev for each in places.all()}
    except OSError as error:
        raise ConfigurationError(
            f"không dùng được thư mục {places.root} / the folder {places.root} cannot be used: {error}"
        ) from error
    if len(systems) > 1:
        raise ConfigurationError(
            f"các thư mục trong {places.root} phải nằm trên cùng một hệ thống tệp / the folders in "
            f"{places.root} have to be on one file system: what moves between them has to move at once"
        )
    if unwritable := [each for each in places.all() if not os.access(each, os.W_OK | os.X_OK)]:
        raise ConfigurationError(
            f"không có quyền ghi vào / no permission to write into {', '.join(map(str, unwritable))}"
        )
