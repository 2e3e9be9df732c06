"""What an operator asks of a gateway beside running it: pending applications, and hashes of passwords."""

import getpass
import sys

from argon2 import PasswordHasher
from argon2.profiles import RFC_9106_LOW_MEMORY

from adapters.vxp.applications.listing import for_import, for_people, read_pending
from adapters.vxp.catalogue.catalogue import COPY
from adapters.vxp.catalogue.copy import CatalogueCopy
from adapters.vxp.parts import PartSettings
from adapters.vxp.settings import VxpSettings
from hub.errors import ConfigurationError

_SHORTEST = 12
_LONGEST = 256


def write_applications(settings: VxpSettings, parts: PartSettings, *, to_import: bool) -> None:
    """Write what is pending; with *to_import* in the form that `truc agency import` takes."""
    if parts.catalogue is None:
        raise ConfigurationError("không có bảng [catalogue] / there is no table [catalogue]")
    copy = CatalogueCopy.open(parts.catalogue.folder / COPY)
    try:
        pending = read_pending(settings.kit.journal, copy)
    finally:
        copy.close()
    sys.stdout.write(for_import(pending) if to_import else for_people(pending))


def write_hash() -> None:
    """Ask for a password, or read it from standard input, and write its hash; it is shown nowhere."""
    if sys.stdin.isatty():
        password = getpass.getpass("Mật khẩu / password: ")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not _SHORTEST <= len(password) <= _LONGEST:
        raise ConfigurationError(
            f"mật khẩu dài {_SHORTEST} đến {_LONGEST} ký tự / "
            f"a password has {_SHORTEST} to {_LONGEST} characters"
        )
    hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
    sys.stdout.write(f"{hasher.hash(password)}\n")
