"""Words as people search for them: without case, marks and punctuation, in the index and in the question."""

import re
import unicodedata
from typing import Final

_WORD: Final = re.compile(r"[^\W_]+")
_WITHOUT_DECOMPOSITION: Final = str.maketrans({"đ": "d", "Đ": "d"})
LONGEST_WORD: Final = 64
"""Characters of a word that count; what is longer is no word that anybody types."""
MOST_WORDS: Final = 60
"""Words of one text that count, so that a hostile subject does not fill the index."""


def folded_words(text: str) -> tuple[str, ...]:
    """Return the words of *text* once each, in their order: lower case, `Quyết định` as `quyet`, `dinh`.

    An operator types `quyet dinh` as often as `Quyết định`, and senders write marks in two Unicode forms.
    """
    plain = unicodedata.normalize("NFKD", text.translate(_WITHOUT_DECOMPOSITION)).lower()
    bare = "".join(character for character in plain if not unicodedata.combining(character))
    found = dict.fromkeys(word[:LONGEST_WORD] for word in _WORD.findall(bare))
    return tuple(found)[:MOST_WORDS]
