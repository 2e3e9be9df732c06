"""A token in software (SoftHSM2) with keys of the test's choice, in a folder of its own."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pkcs11
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from deploy.local import packages
from deploy.local.address import StackError
from hub.signature.signing import SigningKey
from hub.signature.token import TokenPlace
from hub.signature.token_uri import TokenUri

MODULES = (Path("/usr/lib/softhsm/libsofthsm2.so"), Path("/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"))
PIN = "canary-pin-7321"
LABEL = "Trục thử nghiệm"


def module() -> Path:
    """Return SoftHSM2's library, installed where that is possible; skips the test where it is not."""
    if shutil.which("softhsm2-util") is None:
        try:
            packages.ensure_packages(("softhsm2",), lambda text: None)
        except StackError as error:
            pytest.skip(f"SoftHSM2 cannot be had here: {error}")
    found = next((each for each in MODULES if each.exists()), None)
    if found is None:
        pytest.skip(f"SoftHSM2 is installed, and its library is at none of {MODULES}")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftToken:
    """One token; `put` brings a key into it."""

    folder: Path

    @classmethod
    def made(cls, folder: Path, monkeypatch: pytest.MonkeyPatch) -> "SoftToken":
        """Make an empty token; processes that inherit the environment see it, too."""
        module()
        (folder / "tokens").mkdir(parents=True)
        configuration = folder / "softhsm2.conf"
        configuration.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n")
        monkeypatch.setenv("SOFTHSM2_CONF", str(configuration))
        token = cls(folder=folder)
        token.initialize()
        token.begin_anew()
        return token

    def initialize(self) -> None:
        """Make the token, empty."""
        self._run("--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", "so-" + PIN)

    def begin_anew(self) -> None:
        """Let this process see the tokens of this folder: the library reads its configuration once."""
        pkcs11.lib(str(module())).reinitialize()

    def put(self, key: SigningKey, name: str, identifier: str = "a1") -> None:
        """Bring a copy of *key* into the token."""
        file = self.folder / f"{name}.key"
        encoded = key.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(encoded)
        self._run("--import", str(file), "--token", LABEL, "--label", name, "--id", identifier, "--pin", PIN)
        file.unlink()

    def remove(self) -> None:
        """Pull the token out."""
        shutil.move(self.folder / "tokens", self.folder / "pulled-out")
        (self.folder / "tokens").mkdir()

    def bring_back(self) -> None:
        """Plug it in again."""
        shutil.rmtree(self.folder / "tokens")
        shutil.move(self.folder / "pulled-out", self.folder / "tokens")

    def place(self, name: str, *, pin: str = PIN, token: str | None = LABEL) -> TokenPlace:
        return TokenPlace(uri=TokenUri(token=token, object=name), module=module(), pin=pin)

    def _run(self, *arguments: str) -> None:
        subprocess.run(["softhsm2-util", *arguments], check=True, capture_output=True, env=os.environ)


def certificates_of(key: SigningKey) -> bytes:
    """Return certificate and chain of *key* as one PEM text."""
    return b"".join(each.public_bytes(Encoding.PEM) for each in (key.certificate, *key.chain))
