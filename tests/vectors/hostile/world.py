"""The frozen world of the corpus: anchors, agencies and certificates as they were when it was built.

Only certificates are kept. The keys were made for the building and are gone: nobody can sign in this world.
"""

import tomllib
from datetime import datetime
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from hub.catalogue import Catalogue
from hub.intake.line import IntakeLine
from hub.intake.parse import ParseLimits
from hub.intake.validate import ContentLimits
from hub.message.directory import Agency, Directory, Mandate, RegisteredCertificate
from hub.message.identifiers import AgencyCode, AgencyKey, Fingerprint, MailboxName, SubmissionId, digest_of
from hub.message.stages import ReceivedMessage
from hub.signature.certificates import TrustAnchors
from tests.support.authority import AT, SINCE

HERE = Path(__file__).parent
FILES = HERE / "files"
WORLD = HERE / "world"
AGENCIES = ("G22", "H41", "H14", "H41.07")
REGISTERED = {"G22": "G22", "H14": "H14", "H41.07": "H41.07", "revoked": "G22"}
"""Name of a certificate's file, and the agency that it is registered for."""


@cache
def manifest() -> dict[str, dict[str, str]]:
    """Return what is known of each file, by its name."""
    entries = tomllib.loads((HERE / "manifest.toml").read_text(encoding="utf-8"))["vector"]
    return {entry["file"]: entry for entry in entries}


@cache
def line() -> IntakeLine:
    anchors = [(WORLD / name).read_bytes() for name in ("anchor.pem", "wide-root.pem")]
    return IntakeLine(
        anchors=TrustAnchors.from_bytes(*anchors),
        catalogue=Catalogue(),
        parse_limits=ParseLimits(),
        content_limits=ContentLimits(),
    )


@cache
def directory() -> Directory:
    keys = [AgencyKey(code) for code in AGENCIES]
    return Directory(
        agencies=[Agency(key=key, code=AgencyCode(key), name=key, parent=None) for key in keys],
        mandates=[Mandate(mailbox=MailboxName(key), root=key, valid_from=SINCE) for key in keys],
        open_mailboxes=map(MailboxName, AGENCIES),
        certificates=[_registered(name, agency) for name, agency in REGISTERED.items()],
    )


def _registered(name: str, agency: str) -> RegisteredCertificate:
    certificate = x509.load_pem_x509_certificate((WORLD / f"{name}.pem").read_bytes())
    return RegisteredCertificate(
        fingerprint=Fingerprint(certificate.fingerprint(SHA256())),
        agency=AgencyKey(agency),
        subject=name,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        revoked_at=SINCE if name == "revoked" else None,
    )


def received(body: bytes, mailbox: str, at: datetime = AT) -> ReceivedMessage:
    return ReceivedMessage(
        body=body,
        digest=digest_of(body),
        mailbox=MailboxName(mailbox),
        submission_id=SubmissionId("s-1"),
        transport_id="t-1",
        reported_delivery=None,
        received_at=at,
    )
