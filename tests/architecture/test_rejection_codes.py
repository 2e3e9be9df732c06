import string

import pytest

from hub.errors import RejectionCode
from hub.message.edxml import StatusCode
from hub.message.refusal import SENTENCES, rejection_of, violation
from tests.support import reference_tables

OWN_WORDS = {"vi", "en"}


def placeholders(sentence: str) -> set[str]:
    """Return the placeholders of *sentence*; those with a word for each language count as one."""
    names = {name for _, name, _, _ in string.Formatter().parse(sentence) if name}
    return {name.rpartition("_")[0] if name.rpartition("_")[2] in OWN_WORDS else name for name in names}


@pytest.mark.parametrize("name", reference_tables.GENERATED)
def test_the_published_tables_say_what_the_code_says(name: str) -> None:
    published = (reference_tables.REFERENCE / name).read_text(encoding="utf-8")

    assert published == reference_tables.with_generated(published, reference_tables.GENERATED[name]()), (
        "run: python -m tests.support.reference_tables"
    )


def test_every_code_has_its_sentences_and_no_sentence_lacks_its_code() -> None:
    assert set(SENTENCES) == set(RejectionCode)


def test_every_code_is_published() -> None:
    published = (reference_tables.REFERENCE / "rejection-codes.md").read_text(encoding="utf-8")

    assert all(f"`{code.value}` | `{code.name}`" in published for code in RejectionCode)


def test_every_status_has_its_meaning() -> None:
    assert set(reference_tables.MEANINGS) == set(StatusCode)


@pytest.mark.parametrize("code", RejectionCode)
def test_both_languages_name_the_same_values(code: RejectionCode) -> None:
    assert placeholders(SENTENCES[code].vi) == placeholders(SENTENCES[code].en)


@pytest.mark.parametrize("code", RejectionCode)
def test_no_sentence_speaks_the_other_language(code: RejectionCode) -> None:
    assert "_en}" not in SENTENCES[code].vi
    assert "_vi}" not in SENTENCES[code].en
    assert SENTENCES[code].vi != SENTENCES[code].en


@pytest.mark.parametrize("code", RejectionCode)
def test_every_code_has_a_class_of_error(code: RejectionCode) -> None:
    names = {
        name for sentence in SENTENCES[code] for _, name, _, _ in string.Formatter().parse(sentence) if name
    }
    filled = violation(code, path="/", rule="r", **dict.fromkeys(names - {"path"}, "x"))

    assert rejection_of([filled]).code is code
