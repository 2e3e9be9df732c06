from time import process_time

import pytest

from hub.message.hardened_xml import parse_hardened
from hub.message.secrecy import secrecy_level, secrecy_of


@pytest.mark.parametrize(
    ("stated", "level"),
    [
        ("MẬT", "MẬT"),
        ("mật", "MẬT"),
        ("ma\u0323\u0302t", "MẬT"),
        ("mat", "MẬT"),
        ("Tối mật", "TỐI MẬT"),
        ("TOI MAT", "TỐI MẬT"),
        ("toimat", "TỐI MẬT"),
        ("tuyệt-mật", "TUYỆT MẬT"),
        ("Tuyet_Mat", "TUYỆT MẬT"),
        ("Độ mật: Tuyệt mật", "TUYỆT MẬT"),
        ("do mat: mat", "MẬT"),
        ("Mức độ mật - Mật", "MẬT"),
    ],
)
def test_a_level_is_recognised_however_it_is_written(stated: str, level: str) -> None:
    assert secrecy_level(stated) == level


@pytest.mark.parametrize(
    "stated", ["", "Thường", "Không mật", "mặt", "mắt", "mất", "Mặt trận Tổ quốc", "Độ mật", "matter", "0"]
)
def test_other_words_are_no_level(stated: str) -> None:
    assert secrecy_level(stated) is None


def test_it_is_found_under_any_of_its_names_in_any_namespace() -> None:
    for name in ("SphereOfPromulgation", "SecrecyLevel", "DoMat", "Security"):
        assert (
            secrecy_of(parse_hardened(f'<a><b xmlns="urn:x"><{name}>Mật</{name}></b></a>'.encode())) == "MẬT"
        )


def test_the_same_words_elsewhere_mean_nothing() -> None:
    assert secrecy_of(parse_hardened("<a><Subject>Mật</Subject></a>".encode())) is None


def test_letters_that_unfold_into_many_are_not_unfolded_without_end() -> None:
    endless = "\ufdfa" * 1_000_000

    began = process_time()

    assert secrecy_level(endless) is None
    assert process_time() - began < 1
