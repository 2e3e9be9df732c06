"""Reads elements of a signature that must be exactly as expected, or refuses them."""

import base64
import binascii
from collections.abc import Container
from functools import lru_cache
from typing import NoReturn

from lxml import etree

from hub.errors import RejectionCode, SignatureRejected, Violation
from hub.message.refusal import Sentence, violation
from hub.signature import profile
from hub.signature.profile import ds

_RULE = "XMLDSIG 1.1 §4 as narrowed by decision 0003"
_BASE64 = "XMLDSIG 1.1 §4.1: base64"


def children(element: etree._Element, path: str, *names: str) -> list[etree._Element]:
    """Return the children of *element*, which are exactly *names* in this order, with nothing between."""
    found = list(element)
    if [child.tag for child in found] != [ds(name) for name in names]:
        expected = ", ".join(names) or "∅"
        parent, got = local(element.tag), ", ".join(local(child.tag) for child in found) or "∅"
        vi, en = f"{parent} chứa {got}, cần {expected}", f"{parent} holds {got} instead of {expected}"
        refuse(path, _RULE, Sentence(vi, en))
    return found


def octets(element: etree._Element, path: str, *, longest: int = profile.MAX_BASE64_CHARACTERS) -> bytes:
    """Return what *element* encodes in base64: something, and at most *longest* characters."""
    text = _written(element, path, longest)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _no_base64(element, path) from None


def octets_again(element: etree._Element, path: str) -> bytes:
    """Return what *element* encodes, like `octets`; for what is expected to come again and again."""
    try:
        return _decoded(_written(element, path, profile.MAX_BASE64_CHARACTERS))
    except (binascii.Error, ValueError):
        raise _no_base64(element, path) from None


@lru_cache(maxsize=1024)
def _decoded(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _written(element: etree._Element, path: str, longest: int) -> str:
    text = "".join((element.text or "").split())
    if len(element) or not text or len(text) > longest:
        name = local(element.tag)
        refuse(path, _BASE64, Sentence(f"{name} rỗng hoặc quá dài", f"{name} is empty or too long"))
    return text


def _no_base64(element: etree._Element, path: str) -> SignatureRejected:
    name = local(element.tag)
    return _refusal(path, _BASE64, Sentence(f"{name} không phải base64", f"{name} is not base64"))


def unless_in(
    accepted: Container[str],
    element: etree._Element,
    path: str,
    clause: str,
    code: RejectionCode = RejectionCode.FORBIDDEN_ALGORITHM,
) -> list[Violation]:
    """Return the violation by an algorithm of *element* that is not *accepted*; none where it is."""
    name = algorithm(element)
    if name in accepted:
        return []
    rule = f"{clause} and decision 0003; ETSI EN 319 102-1 CRYPTO_CONSTRAINTS_FAILURE"
    return [violation(code, path=f"{path}/{local(element.tag)}", rule=rule, algorithm=name)]


def algorithm(element: etree._Element) -> str:
    """Return the identifier of the algorithm that *element* names."""
    return element.get("Algorithm", "")


def local(tag: object) -> str:
    """Return the name without its namespace; comments and processing instructions have none."""
    return tag.rpartition("}")[2] if isinstance(tag, str) else "?"


def refuse(
    path: str,
    rule: str,
    reason: Sentence,
    code: RejectionCode = RejectionCode.SIGNATURE_FORMAT_FAILURE,
) -> NoReturn:
    """Refuse the signature for *reason*."""
    raise _refusal(path, rule, reason, code)


def _refusal(
    path: str,
    rule: str,
    reason: Sentence,
    code: RejectionCode = RejectionCode.SIGNATURE_FORMAT_FAILURE,
) -> SignatureRejected:
    rule = f"{rule}; ETSI EN 319 102-1 FORMAT_FAILURE"
    return SignatureRejected(
        [violation(code, path=path, rule=rule, reason_vi=reason.vi, reason_en=reason.en)]
    )
