"""Evidence holds exactly as it was written, and says what is broken where it was not."""

import io
import json
import re
import subprocess
import sys
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.evidence import container, members
from hub.evidence.judge import Judgement, Trust, judge
from hub.message.identifiers import digest_of
from hub.message.mandate_role import MandateRole
from hub.message.receipt import ReceiptEvent
from hub.signature.role_claim import RoleClaim
from hub.signature.signing import sign_envelope
from tests.support.authority import agency_signing_key
from tests.support.envelopes import a_document
from tests.support.evidence import (
    AT,
    DOCUMENT_ID,
    SHEET,
    STATUS_MEMBER,
    EvidenceBuilder,
    authority,
    crl,
    document,
    evidence,
    key_of,
    response,
    sheet,
    status,
    trust,
)
from tests.support.xades import sign_xades

ACCEPTANCE = ReceiptEvent.SUBMISSION_ACCEPTANCE


def judged(built: EvidenceBuilder, by: Trust | None = None) -> Judgement:
    return judge(built.written(), by or trust())


def broken(judgement: Judgement) -> dict[str, str]:
    return {each.where: each.en for each in judgement.faults}


def test_evidence_as_it_was_written_holds_and_says_what_it_proves() -> None:
    judgement = judged(evidence())

    assert judgement.faults == []
    said = [each.en for each in judgement.facts]
    assert f"the document {DOCUMENT_ID} (G22) is as it was signed" in said
    assert sum(each.startswith("the hub attests: SubmissionAcceptance") for each in said) == 1
    assert sum(each.startswith("the hub attests: ContentConsignment") for each in said) == 1
    assert "the recipient attests the status: 01, H41" in said
    assert "3/3 events fit their seals" in said
    assert [each.where for each in judgement.open] == [members.EVENTS]


def test_equal_members_are_equal_octets() -> None:
    backwards = EvidenceBuilder(dict(reversed(evidence().members.items())))

    assert backwards.written() == evidence().written()


def without_digest(name: str) -> str:
    """Name a member as it is called in every process: keys, and so the digests in names, differ in each."""
    return re.sub(r"[0-9a-f]{64}", "digest", name)


MEMBERS = sorted(evidence().members, key=without_digest)


@pytest.mark.parametrize("name", MEMBERS, ids=without_digest)
@pytest.mark.parametrize("part", range(8))
def test_one_changed_byte_in_a_member_is_found_in_that_member(name: str, part: int) -> None:
    file = bytearray(evidence().written())
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        info = archive.getinfo(name)
    start = info.header_offset + 30 + len(name)
    file[start + (info.file_size - 1) * part // 7] ^= 1 << part

    assert set(broken(judge(bytes(file), trust()))) >= {name}


@pytest.mark.parametrize("name", MEMBERS, ids=without_digest)
@pytest.mark.parametrize("part", range(4))
def test_one_changed_byte_is_found_although_the_checksum_was_made_to_fit(name: str, part: int) -> None:
    content = bytearray(evidence().members[name])
    content[(len(content) - 1) * part // 3] ^= 1
    changed = {**evidence().members, name: bytes(content)}
    file = container.write(changed).replace(
        container.manifest(changed), container.manifest(evidence().members)
    )
    assert len(file) == len(evidence().written())
    file = _with_right_checksum(file)

    faults = judge(file, trust()).faults
    assert "is not what the manifest lists" in [each.en for each in faults if each.where == name]


def _with_right_checksum(file: bytes) -> bytes:
    """Let the ZIP's own checksum of the manifest fit again: only SHA-256 is left to find out."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(file)) as archive, zipfile.ZipFile(out, "w") as fitting:
        for info in archive.infolist():
            start = info.header_offset + 30 + len(info.filename)
            fresh = zipfile.ZipInfo(info.filename, date_time=(1980, 1, 1, 0, 0, 0))
            fitting.writestr(fresh, file[start : start + info.file_size])
    return out.getvalue()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_no_changed_byte_anywhere_in_the_file_goes_unnoticed(place: float, bit: int) -> None:
    file = bytearray(evidence().written())
    file[int(place * len(file))] ^= 1 << bit

    assert judge(bytes(file), trust()).faults


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 40_000))
def test_whatever_a_file_holds_the_answer_is_a_judgement(noise: bytes, place: int) -> None:
    file = evidence().written()
    for each in (noise, file[:place], file[:place] + noise + file[place + len(noise) :]):
        assert each == file or not judge(each, trust()).holds


def rewritten(name: str, old: bytes, new: bytes) -> EvidenceBuilder:
    """Change a member and let manifest and checksums fit: what is left are the signatures and seals."""
    content = evidence().members[name]
    assert old in content
    return evidence().with_(name, content.replace(old, new, 1))


@pytest.mark.parametrize(
    ("built", "where", "why"),
    [
        (rewritten(members.DOCUMENT, b"G22", b"G21"), members.DOCUMENT, "the content is not what was signed"),
        (rewritten(STATUS_MEMBER, b">01<", b">06<"), STATUS_MEMBER, "the content is not what was signed"),
        (
            rewritten(SHEET, b"ContentConsignment", b"ContentHandover"),
            SHEET,
            "the content is not what was signed",
        ),
        (
            rewritten(members.EVENTS, b"delivery.consigned", b"delivery.discarded"),
            members.EVENTS,
            "event 8 (delivery.consigned) does not fit its seal".replace("consigned", "discarded"),
        ),
        (rewritten(members.EVENTS, b'"position": 8', b'"position": 7'), members.EVENTS, None),
        (evidence().with_(members.EVENTS, b"[[]]"), members.EVENTS, None),
        (evidence().with_(members.EVENTS, b"{}"), members.EVENTS, None),
        (evidence().with_("document.xml", b"<a/>"), members.DOCUMENT, "there are 0 signatures"),
        (
            evidence().with_("document.xml", document().replace(b"<edXML ", b"<!DOCTYPE a><edXML ", 1)),
            members.DOCUMENT,
            "there is a DOCTYPE",
        ),
        (
            evidence().with_("document.xml", document().replace(b"G22", b"G22<!-- -->", 1)),
            members.DOCUMENT,
            "something stands there that no signature covers",
        ),
        (evidence().with_("../etc/passwd", b""), "../etc/passwd", "does not belong into evidence"),
        (evidence().with_(SHEET, sheet(ACCEPTANCE, by="H41")), SHEET, "was not signed by the hub"),
        (evidence().with_(SHEET, sheet(ACCEPTANCE, body=b"x")), SHEET, "is about another document"),
        (
            evidence().with_(STATUS_MEMBER, status(document_id="G22,1")),
            STATUS_MEMBER,
            "is about another document",
        ),
        (evidence().with_(STATUS_MEMBER, status("H14")), STATUS_MEMBER, "is about another document"),
        (evidence().without(SHEET), members.RECEIPTS, "there is no receipt"),
        (evidence().with_revocation(crl("G22"), "crl"), members.DOCUMENT, None),
        (evidence().with_revocation(response("G22", revoked=True), "ocsp"), members.DOCUMENT, None),
        (evidence().with_("revocation/" + "0" * 64 + ".crl", crl()), "revocation/" + "0" * 64 + ".crl", None),
    ],
)
def test_what_was_changed_with_all_checksums_is_found_by_what_was_signed(
    built: EvidenceBuilder, where: str, why: str | None
) -> None:
    found = broken(judged(built))

    assert where in found
    assert why is None or found[where] == why


def test_a_certificate_of_another_authority_proves_nothing() -> None:
    foreign = Trust(anchors=(agency_signing_key("G22").chain[-1],), hub=trust().hub)

    assert {members.DOCUMENT, SHEET, STATUS_MEMBER} <= set(broken(judged(evidence(), foreign)))


def test_without_anchors_nothing_is_proved() -> None:
    judgement = judged(evidence(), Trust(anchors=()))

    assert not judgement.holds
    assert all("no trust anchor" in broken(judgement)[each] for each in (members.DOCUMENT, SHEET))


def test_an_anchor_in_the_file_is_not_an_anchor() -> None:
    root = authority().root.certificate.public_bytes(Encoding.DER)
    built = evidence().with_(f"certificates/{sha256(root).hexdigest()}.der", root)

    assert not judged(built, Trust(anchors=(), hub=trust().hub)).holds


def test_whoever_does_not_know_the_hub_is_told_so() -> None:
    judgement = judged(evidence(), Trust(anchors=trust().anchors))

    assert judgement.holds
    assert members.RECEIPTS in {each.where for each in judgement.open}


def test_what_was_revoked_later_was_good_then() -> None:
    later = [name for name in evidence().members if name.startswith("revocation/")]
    built = evidence().without(*later)

    judgement = judged(built)

    assert judgement.holds
    assert members.DOCUMENT in {each.where for each in judgement.open}, "nobody knows whether it was revoked"


def test_a_response_that_nobody_was_let_sign_says_nothing() -> None:
    forged = bytearray(response("G22", revoked=True))
    forged[-3] ^= 1
    built = evidence().with_revocation(bytes(forged), "ocsp")

    assert judged(built).holds


def test_a_document_signed_with_xades_is_proved_like_any_other() -> None:
    body = sign_xades(a_document().identified_by(DOCUMENT_ID).to("H41").unsigned(), key_of("G22"))
    built = evidence().with_(members.DOCUMENT, body).with_(SHEET, sheet(ACCEPTANCE, body=body))

    assert broken(judged(built)) == {}


def test_evidence_says_that_a_gateway_signed_for_a_system_that_cannot() -> None:
    role = MandateRole(system="VNPT.QLVB/1", digest=digest_of(b"handed over"))
    unsigned = a_document().identified_by(DOCUMENT_ID).to("H41").unsigned()
    body = sign_envelope(unsigned, key_of("G22"), claim=RoleClaim(role=role, at=AT))
    built = evidence().with_(members.DOCUMENT, body).with_(SHEET, sheet(ACCEPTANCE, body=body))

    judgement = judged(built)

    assert judgement.faults == []
    (told,) = [each for each in judgement.facts if "under mandate" in each.en]
    assert (told.where, role.system in told.vi) == (members.DOCUMENT, True)
    assert told.en.endswith(f"{role.system}, SHA-256 {role.digest.hex()}")


def test_a_refused_document_is_proved_by_its_receipt_alone() -> None:
    refusal = sheet(ReceiptEvent.SUBMISSION_REJECTION)
    judgement = judged(evidence().without(members.DOCUMENT, STATUS_MEMBER).with_(SHEET, refusal))

    assert judgement.faults == []
    assert any(each.en.startswith("the hub attests: SubmissionRejection") for each in judgement.facts)


def test_the_verifier_runs_by_itself_without_anything_of_the_hub(tmp_path: Path) -> None:
    file, anchors, hub = (tmp_path / name for name in ("evidence.zip", "anchors.pem", "hub.pem"))
    file.write_bytes(evidence().written())
    anchors.write_bytes(authority().root.certificate.public_bytes(Encoding.PEM))
    hub.write_bytes(key_of("TRUC").certificate.public_bytes(Encoding.PEM))
    command = "import sys; from hub.evidence.__main__ import main; code = main(sys.argv[1:]);"
    command += " ours = {name for name in sys.modules if name.startswith('hub.')};"
    command += " assert all(name.startswith('hub.evidence') for name in ours), ours;"
    command += " assert not {'adapters', 'asyncpg', 'structlog'} & set(sys.modules);"
    command += " sys.exit(code)"
    asked = [str(file), "--anchors", str(anchors), "--hub", str(hub), "--json"]

    done = subprocess.run([sys.executable, "-c", command, *asked], capture_output=True, check=False)

    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout)["holds"] is True


def test_the_command_says_in_both_languages_what_is_broken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from hub.commands.line import main

    file, anchors = tmp_path / "evidence.zip", tmp_path / "anchors.pem"
    file.write_bytes(rewritten(members.DOCUMENT, b"G22", b"G21").written())
    anchors.write_bytes(authority().root.certificate.public_bytes(Encoding.PEM))

    code = main(["evidence", "verify", str(file), "--anchors", str(anchors)])

    told = capsys.readouterr().out
    assert code == 1
    assert "BẰNG CHỨNG KHÔNG HỢP LỆ / THE EVIDENCE DOES NOT HOLD" in told
    assert "nội dung không phải nội dung đã ký" in told
