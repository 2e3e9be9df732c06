"""Writes the corpus anew, with keys that are forgotten at the end: python -m tests.vectors.hostile.build."""

from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hub.errors import RejectionCode
from tests.support.authority import agency_signing_key, session_authority
from tests.vectors.hostile import content, trust, wrapping
from tests.vectors.hostile.world import FILES, HERE, REGISTERED, WORLD
from tests.vectors.signature import (
    test_changed_content,
    test_forbidden_algorithms,
    test_untrusted_certificates,
    test_wrong_shape,
    test_xades,
)

GROUPS = {
    "wrapping": wrapping.VECTORS,
    "trust": trust.VECTORS,
    "content": content.VECTORS,
    "accepted": content.ACCEPTED,
    "changed": test_changed_content.VECTORS,
    "algorithm": test_forbidden_algorithms.VECTORS,
    "certificate": test_untrusted_certificates.VECTORS,
    "shape": test_wrong_shape.VECTORS,
    "xades": test_xades.VECTORS,
}
IN_INTAKE = {"shape-instruction-before-the-root.xml": ("FORBIDDEN_XML",)}
"""Where the signature's module would say something else: intake has looked before."""
HEAD = """# Every file of the corpus, the code that it is refused with (none: accepted), and why it is here.
# Written by `python -m tests.vectors.hostile.build`.
"""


def name_of(group: str, vector: Callable[[], bytes]) -> str:
    return f"{group}-{vector.__name__.replace('_', '-')}.xml"


def entries() -> Iterator[tuple[str, Callable[[], bytes], tuple[str, ...]]]:
    """Return file name, maker and expected codes of every vector."""
    for group, vectors in GROUPS.items():
        for vector, codes in vectors:
            file = name_of(group, vector)
            expected = tuple([codes] if isinstance(codes, str) else codes)
            yield file, vector, IN_INTAKE.get(file, expected)


def main() -> None:
    for folder in (FILES, WORLD):
        folder.mkdir(exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
    manifest = [HEAD]
    for file, vector, codes in entries():
        (FILES / file).write_bytes(vector())
        published = " ".join(RejectionCode[code].value for code in codes)
        why = " ".join((vector.__doc__ or "").split()).replace("\\", "\\\\").replace('"', '\\"')
        manifest.append(f'[[vector]]\nfile = "{file}"\ncode = "{published}"\nwhy = "{why}"\n')
    (HERE / "manifest.toml").write_text("\n".join(manifest), encoding="utf-8")
    _write("anchor.pem", session_authority().anchor)
    _write("wide-root.pem", test_untrusted_certificates.wide_root().certificate)
    for name in REGISTERED:
        _write(f"{name}.pem", agency_signing_key(name).certificate)


def _write(name: str, certificate: x509.Certificate) -> None:
    Path(WORLD / name).write_bytes(certificate.public_bytes(Encoding.PEM))


if __name__ == "__main__":
    main()
