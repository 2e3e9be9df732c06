import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.message.search_terms import LONGEST_WORD, MOST_WORDS, folded_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Quyết định về việc Đầu tư", ("quyet", "dinh", "ve", "viec", "dau", "tu")),
        ("123/QĐ-UBND", ("123", "qd", "ubnd")),
        ("000.00.00.G22,2026/01/15", ("000", "00", "g22", "2026", "01", "15")),
        ("a_b", ("a", "b")),
        ("'); drop table messages --", ("drop", "table", "messages")),
        ("", ()),
    ],
)
def test_words_are_told_without_case_marks_and_punctuation(text: str, words: tuple[str, ...]) -> None:
    assert folded_words(text) == words


@given(st.text(max_size=200))
def test_both_unicode_forms_of_a_text_have_the_same_words(text: str) -> None:
    composed, decomposed = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))

    assert folded_words(composed) == folded_words(decomposed)


@given(st.text(max_size=2000))
def test_words_are_few_short_and_plain(text: str) -> None:
    words = folded_words(text)

    assert len(words) <= MOST_WORDS
    assert all(0 < len(word) <= LONGEST_WORD and word.isalnum() for word in words)
    assert folded_words(" ".join(words)) == words
