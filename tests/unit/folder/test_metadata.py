"""The small TOML file beside a document, and what a clerk is told who got it wrong."""

import contextlib
import tomllib
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.folder.complaint import Complaint
from adapters.folder.info import written
from adapters.folder.metadata import Defaults, Making, draft_of, read_metadata
from adapters.kit.envelope import compose_document
from hub.message.identifiers import AgencyCode

GOOD = """
noi_nhan = ["H14", "H41.05"]
so_ky_hieu = "12/TB-VP/2026"
ngay = 2026-11-20
trich_yeu = "V/v báo cáo"
nguoi_ky = "Trần Văn An"
do_khan = 1
"""
MAKING = Making(
    defaults=Defaults.model_validate({"dia_danh": "Huế", "position": "Chánh Văn phòng"}),
    mailbox=AgencyCode("H41"),
    name="0f3a",
    at=datetime(2026, 11, 22, tzinfo=UTC),
)


def complaint_about(text: str | bytes) -> Complaint:
    content = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(Complaint) as caught:
        read_metadata("a.toml", content)
    return caught.value


def test_a_draft_takes_what_the_file_says_and_the_rest_from_the_settings() -> None:
    draft = draft_of(read_metadata("a.toml", GOOD.encode()), [("a.pdf", b"%PDF-")], MAKING)

    assert [each.code for each in draft.recipients] == ["H14", "H41.05"]
    assert (draft.code_number, draft.code_notation) == ("12", "TB-VP/2026")
    assert draft.sender.code == "H41"
    assert draft.place == "Huế"
    assert draft.signer.position == "Chánh Văn phòng"
    assert draft.priority == 1
    assert draft.document_id == "H41,2026/11/20,0f3a"
    assert compose_document(draft)


def test_english_keys_a_single_recipient_and_notepads_mark_are_understood() -> None:
    text = '\ufeffto = "H14"\r\nnumber = "1/CV"\r\ndate = 2026-11-20\r\nsubject = "x"\r\nsigner = "A"\r\n'

    found = read_metadata("a.toml", text.encode())

    assert found.recipients == ("H14",)
    assert found.promulgated_on == date(2026, 11, 20)


@pytest.mark.parametrize(
    ("text", "vi", "en"),
    [
        (GOOD.replace('"V/v báo cáo"', "V/v báo cáo"), "a.toml, dòng 5, cột", "a.toml, line 5, column"),
        (GOOD + 'subjekt = "x"', "dòng 8: không có mục subjekt; có phải là subject?", "do you mean subject?"),
        (
            GOOD.replace("trich_yeu", "# trich_yeu"),
            "thiếu mục trich_yeu (hoặc subject)",
            "add the line: subject",
        ),
        (
            GOOD.replace("12/TB-VP/2026", "12"),
            "dòng 3: mục so_ky_hieu không đúng",
            'like so_ky_hieu = "12/TB-VP"',
        ),
        (GOOD.replace("= 1", "= 9"), "dòng 7: mục do_khan không đúng", "line 7: do_khan is not right"),
        (GOOD.replace("2026-11-20", '"20/11/2026"'), "dòng 4: mục ngay không đúng", "ngay = 2026-11-22"),
        (GOOD.encode("utf-16"), "không ghi bằng UTF-8", "Encoding: UTF-8"),
    ],
)
def test_a_wrong_file_is_complained_about_with_its_line_and_the_way_out(
    text: str | bytes, vi: str, en: str
) -> None:
    complaint = complaint_about(text)

    assert vi in complaint.text
    assert en in complaint.text


def test_all_faults_come_at_once() -> None:
    complaint = complaint_about('to = "H14"\nfoo = 1\n')

    assert len(complaint.sentences) == 4


def test_a_document_that_nobody_signed_is_complained_about() -> None:
    metadata = read_metadata("a.toml", GOOD.replace("nguoi_ky", "# nguoi_ky").encode())

    with pytest.raises(Complaint, match="signer"):
        draft_of(metadata, [], MAKING)


@given(st.binary(max_size=200))
def test_whatever_the_bytes_it_is_read_or_complained_about(content: bytes) -> None:
    with contextlib.suppress(Complaint):
        assert read_metadata("a.toml", content).recipients


@given(st.text())
def test_what_info_toml_says_reads_back(text: str) -> None:
    assert tomllib.loads(f"a = {written(text)}\nb = {written([text, text])}") == {
        "a": text,
        "b": [text, text],
    }
