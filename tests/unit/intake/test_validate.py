import base64
import io
import re
import struct
import zipfile

import pytest

from hub.catalogue import Catalogue
from hub.errors import RejectionCode, SchemaViolation
from hub.intake.attachment_rules import AttachmentLimits
from hub.intake.validate import ContentLimits, examine, validate
from hub.message.edxml import DocumentHeader, StatusCode, StatusHeader
from tests.support.envelopes import A_PDF, DocumentBuilder, StatusBuilder, a_document, a_status
from tests.support.stages import verified

CATALOGUE = Catalogue()
LIMITS = ContentLimits()
CODE = RejectionCode


def codes_of(body: bytes, limits: ContentLimits = LIMITS) -> list[RejectionCode]:
    return [each.code for each in examine(verified(body), CATALOGUE, limits).violations]


def with_content(document: DocumentBuilder, content: str) -> bytes:
    """Put *content* where the first attachment's base64 stands."""
    return re.sub(
        rb"(<edXML:ContentTransferEncoded[^>]*>)[^<]*",
        rb"\g<1>" + content.encode(),
        document.unsigned(),
        count=1,
    )


def zip_of(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return packed.getvalue()


def test_a_valid_document_is_read_as_it_is() -> None:
    valid = validate(verified(a_document().to("H41", "28.22.H17").unsigned()), CATALOGUE, LIMITS)

    assert isinstance(valid.header, DocumentHeader)
    assert valid.header.recipients == ("H41", "28.22.H17")
    assert [each.content for each in valid.attachments] == [A_PDF]


@pytest.mark.parametrize("status", StatusCode)
def test_every_status_in_use_is_valid(status: StatusCode) -> None:
    valid = validate(verified(a_status(status).unsigned()), CATALOGUE, LIMITS)

    assert isinstance(valid.header, StatusHeader)
    assert valid.header.status is status
    assert valid.attachments == ()


@pytest.mark.parametrize("code", ["00", "07", "08", "09", "10", "11", "12", "14", "17", "99"])
def test_a_status_that_is_not_in_use_is_refused(code: str) -> None:
    body = a_status().unsigned().replace(b"<edXML:StatusCode>01", f"<edXML:StatusCode>{code}".encode())

    assert codes_of(body) == [CODE.UNKNOWN_STATUS_CODE]


def test_a_status_carries_no_attachments() -> None:
    enclosed = re.search(rb"(?s)<AttachmentEncoded>.*</AttachmentEncoded>", a_document().unsigned())
    assert enclosed is not None
    body = a_status().unsigned().replace(b"</edXML>\n", enclosed[0] + b"</edXML>\n")

    assert CODE.SCHEMA_VIOLATION in codes_of(body)


def test_a_document_without_recipients_is_refused() -> None:
    assert CODE.NO_RECIPIENT in codes_of(a_document().to().unsigned())


def test_recipients_are_compared_by_the_agency_they_mean() -> None:
    body = a_document().to("000.00.00.H41", "H17", "H41", "h41").unsigned()

    (only,) = examine(verified(body), CATALOGUE, LIMITS).violations

    assert only.code is CODE.DUPLICATE_RECIPIENT
    assert "H41" in only.vi


def test_too_many_recipients_are_refused() -> None:
    assert codes_of(a_document().to("H41", "H17", "H14").unsigned(), ContentLimits(recipients=2)) == [
        CODE.TOO_MANY_RECIPIENTS
    ]


def test_a_new_document_has_an_attachment() -> None:
    assert codes_of(a_document().without_attachments().unsigned()) == [CODE.NO_ATTACHMENT]


def test_a_document_without_business_type_is_new_and_has_an_attachment() -> None:
    document = a_document().without_attachments().with_(business_type=None)

    assert codes_of(document.unsigned()) == [CODE.NO_ATTACHMENT]


@pytest.mark.parametrize(
    "document",
    [a_document().recalling("d-1"), a_document().updating("d-1"), a_document().replacing("d-1")],
    ids=["recall", "update", "replacement"],
)
def test_what_concerns_an_earlier_document_needs_no_attachment(document: DocumentBuilder) -> None:
    assert codes_of(document.without_attachments().unsigned()) == []


def test_an_attachment_that_only_the_manifest_names_is_missing() -> None:
    body = a_document().unsigned().replace(b"<ContentId>cid:1</ContentId>", b"<ContentId>cid:2</ContentId>")

    assert codes_of(body) == [CODE.ATTACHMENT_MISSING, CODE.ATTACHMENT_NOT_IN_MANIFEST]


def test_content_ids_agree_with_and_without_their_prefix() -> None:
    body = a_document().unsigned().replace(b"<ContentId>cid:1</ContentId>", b"<ContentId> 1 </ContentId>")

    assert codes_of(body) == []


def test_a_content_id_is_used_once() -> None:
    body = a_document().with_attachment("b.pdf").unsigned().replace(b"cid:2", b"CID:1")

    assert codes_of(body) == [CODE.DUPLICATE_CONTENT_ID, CODE.DUPLICATE_CONTENT_ID]


@pytest.mark.parametrize("content", ["no*base64", "QUJD=", "QUJD====", "QUJ", "Đây", "QQ==QQ=="])
def test_what_is_not_base64_is_refused(content: str) -> None:
    assert codes_of(with_content(a_document(), content)) == [CODE.ATTACHMENT_NOT_BASE64]


def test_base64_may_be_broken_into_lines() -> None:
    lines = "\r\n  ".join(re.findall(".{1,20}", base64.b64encode(A_PDF).decode()))

    valid = validate(verified(with_content(a_document(), f"\n{lines}\n")), CATALOGUE, LIMITS)

    assert valid.attachments[0].content == A_PDF


@pytest.mark.parametrize("content", ["", "  \n "])
def test_an_empty_attachment_is_refused(content: str) -> None:
    assert codes_of(with_content(a_document(), content)) == [CODE.ATTACHMENT_EMPTY]


def test_an_attachment_above_the_limit_is_refused() -> None:
    limits = ContentLimits(attachments=AttachmentLimits(octets=len(A_PDF) - 1))

    assert codes_of(a_document().unsigned(), limits) == [CODE.ATTACHMENT_TOO_LARGE]


def test_a_container_whose_file_is_above_the_limit_is_refused_with_its_size() -> None:
    document = a_document().without_attachments().with_attachment("a.txt", b"x" * 5_000, zipped=True)
    limits = ContentLimits(attachments=AttachmentLimits(unpacked_octets=4_999))

    (only,) = examine(verified(document.unsigned()), CATALOGUE, limits).violations

    assert only.code is CODE.ATTACHMENT_TOO_LARGE
    assert "5000" in only.en


def test_containers_that_are_small_each_may_not_swell_together() -> None:
    document = a_document().without_attachments()
    for number in range(3):
        document = document.with_attachment(f"{number}.txt", b"x" * 5_000, zipped=True)
    limits = ContentLimits(attachments=AttachmentLimits(unpacked_octets=12_000))

    (only,) = examine(verified(document.unsigned()), CATALOGUE, limits).violations

    assert only.code is CODE.ATTACHMENT_TOO_LARGE
    assert only.path == "/edXML/AttachmentEncoded/Attachment[3]"


def test_a_zip_bomb_is_refused_without_being_unpacked() -> None:
    bomb = zip_of(("a.txt", b"\0" * 30_000_000))
    document = a_document().without_attachments().with_attachment("a.txt", bomb)

    assert codes_of(document.unsigned()) == [CODE.ATTACHMENT_TOO_LARGE]


def test_a_container_that_lies_about_its_size_is_refused() -> None:
    lying = bytearray(zip_of(("a.txt", b"y" * 100_000)))
    entry = lying.rfind(b"PK\x01\x02")
    struct.pack_into("<L", lying, entry + 24, 10)
    document = a_document().without_attachments().with_attachment("a.txt", bytes(lying))

    assert codes_of(document.unsigned()) == [CODE.ARCHIVE_BOMB]


@pytest.mark.parametrize("name", ["cong-van.pdf.exe", "cong-van.scr ", "cong-van.lnk"])
def test_a_program_is_refused_by_its_name(name: str) -> None:
    document = a_document().without_attachments().with_attachment(name)

    assert codes_of(document.unsigned()) == [CODE.FORBIDDEN_FILE]


def test_a_program_is_refused_by_its_content_whatever_it_is_called() -> None:
    program = b"MZ\x90\x00\x03" + bytes(200)
    plain = a_document().without_attachments().with_attachment("cong-van.pdf", program)
    packed = a_document().without_attachments().with_attachment("cong-van.pdf", program, zipped=True)

    assert [codes_of(each.unsigned()) for each in (plain, packed)] == [[CODE.FORBIDDEN_FILE]] * 2


@pytest.mark.parametrize("name", ["../../cong-van.pdf", "C:\\cong-van.pdf", "cong-van\u202efdp.docx"])
def test_a_name_that_misleads_is_refused(name: str) -> None:
    document = a_document().without_attachments().with_attachment(name)

    assert codes_of(document.unsigned()) == [CODE.UNSAFE_FILE_NAME]


def test_archives_in_one_message_share_the_room() -> None:
    half = zip_of(("a.txt", b"".join(bytes([n % 251]) * 9 for n in range(100_000))))
    document = a_document().without_attachments().with_attachment("a.zip", half)
    limits = ContentLimits(attachments=AttachmentLimits(unpacked_octets=1_000_000))

    assert codes_of(document.unsigned(), limits) == []
    assert codes_of(document.with_attachment("b.zip", half).unsigned(), limits) == [CODE.ARCHIVE_BOMB]


@pytest.mark.parametrize(
    "stated",
    [
        "MẬT",
        "Mật",
        " tối  mật ",
        "Tuyệt mật",
        "TUYET MAT",
        "toi_mat",
        "mat",
        "Độ mật: Tối mật",
        "To\u0302\u0301i ma\u0323\u0302t",
    ],
)
def test_a_state_secret_is_refused_however_it_is_marked(stated: str) -> None:
    (only,) = examine(verified(a_document().with_(sphere=stated).unsigned()), CATALOGUE, LIMITS).violations

    assert only.code is CODE.STATE_SECRET


@pytest.mark.parametrize(
    "stated", ["Mặt trận", "Liên thông văn bản quốc gia", "mắt", "mặt", "Thường", "Không mật", ""]
)
def test_other_words_are_no_state_secret(stated: str) -> None:
    assert codes_of(a_document().with_(sphere=stated).unsigned()) == []


def test_a_secrecy_level_that_the_schema_does_not_know_is_a_state_secret_too() -> None:
    body = (
        a_document()
        .unsigned()
        .replace(b"<edXML:SteeringType>", "<edXML:DoMat>Tối mật</edXML:DoMat><edXML:SteeringType>".encode())
    )

    assert codes_of(body) == [CODE.SCHEMA_VIOLATION, CODE.STATE_SECRET]


def test_all_violations_are_told_at_once() -> None:
    document = a_document().to("H41", "H41").with_priority(9).with_(sphere="Mật")
    body = with_content(document, "?").replace(b"<ContentId>cid:1", b"<ContentId>cid:7")

    with pytest.raises(SchemaViolation) as refused:
        validate(verified(body), CATALOGUE, LIMITS)

    assert [each.code for each in refused.value.violations] == [
        CODE.SCHEMA_VIOLATION,
        CODE.DUPLICATE_RECIPIENT,
        CODE.STATE_SECRET,
        CODE.ATTACHMENT_MISSING,
        CODE.ATTACHMENT_NOT_IN_MANIFEST,
        CODE.ATTACHMENT_NOT_BASE64,
    ]


def test_an_empty_envelope_is_told_what_it_lacks() -> None:
    body = b'<edXML xmlns="http://www.mic.gov.vn/TBT/QCVN_102_2016"/>'

    examined = examine(verified(body), CATALOGUE, LIMITS)

    assert examined.header is None
    assert [each.code for each in examined.violations] == [
        CODE.SCHEMA_VIOLATION,
        CODE.NO_RECIPIENT,
        CODE.NO_ATTACHMENT,
    ]


def test_an_invalid_document_still_has_its_header_read() -> None:
    examined = examine(verified(a_document().about("").unsigned()), CATALOGUE, LIMITS)

    assert examined.violations
    assert examined.header is not None
    assert examined.header.sender == "G22"


def test_no_violation_repeats_content() -> None:
    body = with_content(a_document().about("Chuyện riêng của ông A " * 600), "khong phai base64")

    for each in examine(verified(body), CATALOGUE, LIMITS).violations:
        assert "ông A" not in each.vi + each.en
        assert "phai" not in each.vi + each.en


@pytest.mark.parametrize("message", [a_document(), a_document().in_dotnet_order(), a_status()])
def test_validation_is_repeatable(message: DocumentBuilder | StatusBuilder) -> None:
    first = validate(verified(message.unsigned()), CATALOGUE, LIMITS)
    second = validate(verified(message.unsigned()), CATALOGUE, LIMITS)

    assert (first.header, first.attachments, first.content_digest) == (
        second.header,
        second.attachments,
        second.content_digest,
    )
