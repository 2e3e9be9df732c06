"""Levels of state secrecy as people write them: the axis is not for such documents (QĐ 28/2018, Art. 1.2)."""

import unicodedata
from types import MappingProxyType
from typing import Final

from lxml import etree

from hub.message.edxml_elements import whole_text

_NAMES: Final = (
    "SphereOfPromulgation",
    "SecrecyLevel",
    "SecretLevel",
    "SecurityLevel",
    "Secrecy",
    "Secret",
    "Security",
    "Confidential",
    "Confidentiality",
    "Classification",
    "DoMat",
    "DOMAT",
    "MucDoMat",
    "MucMat",
)
"""Where senders state it; QCVN 102:2016 gives it no element of its own."""
_TAGS: Final = tuple(f"{{*}}{name}" for name in _NAMES)
_LEVELS: Final = MappingProxyType({"MẬT": "MẬT", "TỐIMẬT": "TỐI MẬT", "TUYỆTMẬT": "TUYỆT MẬT"})
_LONGEST: Final = 100
"""Letters in which any level can be stated; NFKC can make eighteen out of one."""
_PREFIXES: Final = ("MỨCĐỘMẬT", "MỨCMẬT", "ĐỘMẬT", "MUCDOMAT", "MUCMAT", "DOMAT")


def secrecy_of(tree: etree._Element) -> str | None:
    """Return the level of state secrecy that *tree* states, wherever it does; None for anything else."""
    for element in tree.iter(*_TAGS):
        level = secrecy_level(whole_text(element))
        if level is not None:
            return level
    return None


def secrecy_level(stated: str) -> str | None:
    """Return which of MẬT, TỐI MẬT and TUYỆT MẬT *stated* means, with or without its diacritics."""
    letters = _letters(stated)
    for prefix in _PREFIXES:
        letters = letters.removeprefix(prefix) or letters
    return _LEVELS.get(letters) or _WITHOUT_MARKS.get(letters)


def _letters(stated: str) -> str:
    written = "".join(stated.split())[:_LONGEST]
    return "".join(c for c in unicodedata.normalize("NFKC", written).upper() if c.isalpha())


def _without_marks(letters: str) -> str:
    decomposed = unicodedata.normalize("NFD", letters.replace("Đ", "D"))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


_WITHOUT_MARKS: Final = MappingProxyType(
    {_without_marks(letters): level for letters, level in _LEVELS.items()}
)
"""Only letters without any mark at all: MAT means MẬT, but MẮT and MẶT are other words."""
