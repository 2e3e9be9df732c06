import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.message.identifiers import agency_key, digest_of


@pytest.mark.parametrize(
    ("code", "key"),
    [
        ("H41", "H41"),
        ("000.00.00.H41", "H41"),
        ("00.00.H29", "H29"),
        ("00.14.H29", "H29.14"),
        ("01.14.H29", "H29.14.01"),
        ("28.22.H17", "H17.22.28"),
        ("000.02.07.H41", "H41.07.02"),
        ("H37.02.02", "H37.02.02"),
        ("G12.18", "G12.18"),
        ("H37.DN.001", "H37.DN.001"),
        (" g22 ", "G22"),
        ("H41.00.00", "H41"),
        ("vxp.saas.03", "VXP.SAAS.03"),
        ("0101234567", "0101234567"),
    ],
)
def test_a_code_has_one_key_whichever_form_it_is_written_in(code: str, key: str) -> None:
    assert agency_key(code) == key


@pytest.mark.parametrize("groups", [1, 20, 100_000])
def test_a_code_of_any_length_has_its_key(groups: int) -> None:
    assert agency_key("00." * groups + "h41") == "H41"
    assert agency_key("h41" + ".1" * groups) == "H41" + ".1" * groups


@given(
    st.from_regex(r"[A-Z][0-9]{2}", fullmatch=True),
    st.lists(st.from_regex(r"[0-9]{2}", fullmatch=True).filter(lambda group: group != "00"), max_size=3),
)
def test_the_old_and_the_new_form_of_a_code_mean_the_same_agency(top: str, below: list[str]) -> None:
    new = ".".join([top, *below])
    old = ".".join([*["00"] * (3 - len(below)), *reversed(below), top])

    assert agency_key(old) == agency_key(new) == new


@given(st.text(max_size=40))
def test_a_key_is_its_own_key(code: str) -> None:
    assert agency_key(agency_key(code)) == agency_key(code)


def test_a_digest_is_sha256_of_the_exact_bytes() -> None:
    assert digest_of(b"abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
