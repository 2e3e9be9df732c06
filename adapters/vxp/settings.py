"""The one settings file: the kit's settings, the server, the systems that may call, and limits."""

import stat
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from adapters.kit.complaints import complaints_of, refused
from adapters.kit.settings import KitSettings, settings_of
from adapters.vxp.systems import ALL_FACES, Face, FailMeans, System, Systems
from hub.errors import ConfigurationError
from hub.message.identifiers import AgencyCode, AgencyKey, Digest
from hub.message.mandate_role import MandateRole
from hub.transport.http_serving import HttpTable, HttpTerms

T = TypeVar("T", bound=BaseModel)
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_DIGEST_OCTETS: Final = 32


class VxpLimits(BaseModel):
    """How patient, and how generous."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    clock_skew_minutes: Annotated[int, Field(ge=1)] = 15
    """So far the clocks of systems may be from ours."""
    repeat_hours: Annotated[int, Field(ge=1)] = 24
    """The same file from the same system within so long is the same packet."""
    keep_days: Annotated[int, Field(ge=1)] = 90
    """So long after systems have reported it, or sent it, a packet is remembered."""
    list_at_most: Annotated[int, Field(ge=1, le=5_000)] = 500
    """Packets in one answer."""
    reload_seconds: Annotated[float, Field(gt=0)] = 5.0
    """So often the files are looked at for systems that were added or changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VxpSettings:
    """Everything that one gateway needs."""

    kit: KitSettings
    http: HttpTerms
    documents: Path
    """Folder of what came, until it was fetched and is old."""
    systems: Systems
    limits: VxpLimits
    others: Mapping[str, Mapping[str, object]]
    """Tables of the other parts of the gateway, by name; paths in them start from `folder`."""
    folder: Path
    """Where the settings file is."""


class _System(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    systemid: str
    secret: Annotated[SecretStr, Field(min_length=8)]
    agency: Annotated[str, Field(min_length=1)]
    units: tuple[str, ...] = ()
    with_subordinates: bool = False
    requests_per_minute: Annotated[int, Field(ge=1)] = 600
    documents_per_minute: Annotated[int, Field(ge=1)] = 120
    faces: frozenset[Face] = ALL_FACES
    acknowledges_itself: bool = False
    fail_means: FailMeans = FailMeans.REFUSAL

    def value(self) -> System:
        """Return the system."""
        return System(
            systemid=self.systemid,
            secret=self.secret.get_secret_value(),
            agency=AgencyCode(self.agency),
            units=tuple(map(AgencyCode, self.units)),
            with_subordinates=self.with_subordinates,
            requests_per_minute=self.requests_per_minute,
            documents_per_minute=self.documents_per_minute,
            faces=self.faces,
            acknowledges_itself=self.acknowledges_itself,
            fail_means=self.fail_means,
        )


class _Included(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    systems: tuple[_System, ...] = ()


class _File(_Included):
    documents: Path = Path("documents")
    include: tuple[Path, ...] = ()
    """More files with `[[systems]]`."""
    http: HttpTable
    kit: dict[str, object]
    limits: VxpLimits = VxpLimits()
    catalogue: dict[str, object] = {}
    provincial: dict[str, object] = {}


def read_vxp_settings(path: Path) -> VxpSettings:
    """Read the TOML file at *path*; paths in it start from its folder. Raises `ConfigurationError`."""
    file, folder = _read(path, _File), path.parent
    complaints = [*_complaints_about_mode(path), *file.http.complaints(folder)]
    systems, kit = Systems.none(), None
    try:
        systems = _systems(path, file)
    except ConfigurationError as error:
        complaints.append(str(error))
    try:
        kit = settings_of(file.kit, folder)
    except ConfigurationError as error:
        complaints.append(f"[kit]: {error}")
    if kit is None or complaints:
        raise ConfigurationError("\n  ".join([f"{path}:", *complaints]))
    return VxpSettings(
        kit=kit,
        http=file.http.terms(folder),
        documents=folder / file.documents,
        systems=systems,
        limits=file.limits,
        others={"catalogue": file.catalogue, "provincial": file.provincial},
        folder=folder,
    )


def read_systems(path: Path) -> Systems:
    """Read only the systems of the settings file at *path*; raises `ConfigurationError`."""
    return _systems(path, _read(path, _File))


def looks_of(path: Path) -> Mapping[Path, tuple[int, int]]:
    """Return how the settings file and those that it includes look now: time and size."""
    try:
        included = _read(path, _File).include
    except ConfigurationError:
        included = ()
    return {each: _look(each) for each in (path, *(path.parent / name for name in included))}


def _look(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)


def _read(path: Path, model: type[T]) -> T:
    try:
        return model.model_validate(tomllib.loads(path.read_text("utf-8-sig")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}") from error
    except ValidationError as error:
        raise refused([f"{path}:", *complaints_of(error, model)]) from error


def _systems(path: Path, file: _File) -> Systems:
    tables = [*file.systems]
    complaints: list[str] = []
    for name in file.include:
        included = path.parent / name
        complaints += _complaints_about_mode(included)
        try:
            tables += _read(included, _Included).systems
        except ConfigurationError as error:
            complaints.append(str(error))
    systems = [each.value() for each in tables]
    complaints += _complaints_about(systems)
    if complaints:
        raise ConfigurationError("\n  ".join(complaints))
    return Systems(systems)


def _complaints_about(systems: Sequence[System]) -> Iterator[str]:
    names, agencies = set[str](), dict[AgencyKey, str]()
    for system in systems:
        if system.systemid in names:
            yield f"systemid {system.systemid} dùng hai lần / is used twice"
        names.add(system.systemid)
        try:
            MandateRole(system=system.systemid, digest=Digest(bytes(_DIGEST_OCTETS)))
        except ValueError as error:
            yield f"systemid: {error}"
        for key in sorted(system.named_keys):
            other = agencies.setdefault(key, system.systemid)
            if other != system.systemid:
                yield (
                    f"đơn vị {key} thuộc cả {other} và {system.systemid}, mỗi đơn vị chỉ một hệ thống / "
                    f"{key} belongs to {other} and {system.systemid}: one agency has one system"
                )


def _complaints_about_mode(path: Path) -> Iterator[str]:
    """Let nobody but the gateway read secrets."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return  # reading it says why
    if mode & _OTHERS:
        yield (
            f"{path} chứa khóa bí mật mà người khác đọc được: chmod 600 {path} / "
            f"{path} holds secrets that others can read: chmod 600 {path}"
        )
