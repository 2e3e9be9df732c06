import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.message.identifiers import digest_of
from hub.message.mandate_role import MAX_CHARACTERS, MandateRole, bounded_role

DIGEST = digest_of(b"what the system handed over")
NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=";"), min_size=1)


@given(NAMES.filter(lambda name: len(name) <= 80))
def test_a_role_is_read_as_it_was_written(system: str) -> None:
    role = MandateRole(system=system, digest=DIGEST)

    assert MandateRole.read(role.phrase) == role
    assert bounded_role([role.phrase]) == role.phrase


@pytest.mark.parametrize("system", ["", "a b", "a;b", "a\nb", "Sở", "x" * 81])
def test_a_name_that_could_not_be_read_back_is_none(system: str) -> None:
    with pytest.raises(ValueError, match="not a system's name"):
        MandateRole(system=system, digest=DIGEST)


@pytest.mark.parametrize(
    "phrase",
    [
        "",
        "Trưởng phòng",
        f"truc:signed-under-mandate; system=a b; received-sha256={DIGEST.hex()}",
        f"truc:signed-under-mandate; system=a; received-sha256={DIGEST.hex().upper()}",
        f"truc:signed-under-mandate; system=a; received-sha256={DIGEST.hex()[:-1]}",
        f"truc:signed-under-mandate; system=a; received-sha256={DIGEST.hex()}; system=b",
    ],
)
def test_another_role_is_not_mistaken_for_it(phrase: str) -> None:
    assert MandateRole.read(phrase) is None


@given(st.lists(st.text()))
def test_whatever_a_role_says_it_is_one_short_line(pieces: list[str]) -> None:
    line = bounded_role(pieces)

    assert len(line) <= MAX_CHARACTERS
    assert line == line.strip()
    assert line.isprintable()


def test_a_long_role_is_cut_visibly() -> None:
    assert bounded_role(["x" * 1000, "y" * 10_000_000]) == "x" * (MAX_CHARACTERS - 1) + "…"
