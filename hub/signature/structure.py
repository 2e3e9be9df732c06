"""Takes a signature apart, exactly as the profile wants it, before anything is computed."""

import base64
import binascii
from collections.abc import Container
from dataclasses import dataclass
from typing import Final, NoReturn

from lxml import etree

from hub.errors import RejectionCode, SignatureRejected, Violation
from hub.message.edxml import EDXML_NAMESPACE, XMLDSIG_NAMESPACE
from hub.message.refusal import Sentence, violation
from hub.signature import profile
from hub.signature.profile import SIGNATURE, Location, ds

_LIMIT: Final = profile.MAX_NAMESPACE_CHARACTERS
_COMMENT: Final = "boolean(/*/descendant::comment())"
_INSTRUCTION_OUTSIDE: Final = "boolean(/processing-instruction())"
# Looking at every namespace name is slow, so elements are counted first: most messages know but these two.
_LONG_NAMESPACE: Final = (
    "((count(//*) > count(//edxml:*) + count(//ds:*)"
    f" and //*[string-length(namespace-uri()) > {_LIMIT}])"
    f" or /descendant::*/@*[string-length(namespace-uri()) > {_LIMIT}])"
)
_MANY_ATTRIBUTES: Final = f"boolean(/descendant::*/@*[{profile.MAX_ATTRIBUTES + 1}])"


def _condition(*alternatives: str) -> etree.XPath:
    namespaces = {"edxml": EDXML_NAMESPACE, "ds": XMLDSIG_NAMESPACE}
    return etree.XPath(" or ".join(alternatives), namespaces=namespaces, regexp=False)


_HAS_COMMENT: Final = _condition(_COMMENT)
_HAS_INSTRUCTION_OUTSIDE: Final = _condition(_INSTRUCTION_OUTSIDE)
_HAS_LONG_NAMESPACE: Final = _condition(_LONG_NAMESPACE)
_HAS_MANY_ATTRIBUTES: Final = _condition(_MANY_ATTRIBUTES)
# One question for all four: each evaluation lets go of the interpreter lock, and then waits for it.
_HAS_UNCOVERED: Final = _condition(_COMMENT, _INSTRUCTION_OUTSIDE, _LONG_NAMESPACE, _MANY_ATTRIBUTES)
_KEY_HINTS: Final = frozenset({ds("X509SubjectName"), ds("X509IssuerSerial"), ds("X509SKI")})
"""Vendors write these beside the certificate; nothing is read from them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureParts:
    """A signature that has the shape of the profile; whether it holds is not known yet."""

    signed_info: etree._Element
    """In its place in the document, which its canonical form depends on."""
    signature_method: str
    signature_value: bytes
    digest_method: str
    digest_value: bytes
    certificates: tuple[bytes, ...]
    """DER, as they stand in X509Data; the first is the signer's."""


def take_apart(root: etree._Element, location: Location) -> SignatureParts:
    """Return the parts of the one signature of *root*; raises `SignatureRejected` where the shape differs."""
    signature, path = _the_signature(root, location), location.path
    _refuse_uncovered(root, path)
    signed_info, value, key_info = _children(signature, path, "SignedInfo", "SignatureValue", "KeyInfo")
    method, digest_method, digest_value = _signed_info(signed_info, f"{path}/SignedInfo")
    return SignatureParts(
        signed_info=signed_info,
        signature_method=method,
        signature_value=_octets(value, f"{path}/SignatureValue"),
        digest_method=digest_method,
        digest_value=digest_value,
        certificates=_certificates(key_info, f"{path}/KeyInfo/X509Data"),
    )


def _the_signature(root: etree._Element, location: Location) -> etree._Element:
    found = list(root.iter(SIGNATURE))
    if not found or (len(found) == 1 and not len(found[0])):
        rule = "XMLDSIG 1.1 §4.1: a ds:Signature in the W3C namespace"
        raise SignatureRejected([violation(RejectionCode.NO_SIGNATURE, path=location.path, rule=rule)])
    if len(found) > 1:
        _refuse(
            location.path,
            "decision 0003: exactly one signature",
            Sentence(f"có {len(found)} chữ ký", f"there are {len(found)} signatures"),
        )
    ancestors = [ancestor.tag for ancestor in found[0].iterancestors()]
    if tuple(reversed(ancestors)) != location.names or any(True for _ in found[0].itersiblings("*")):
        parent = _local(ancestors[0]) if ancestors else "?"
        rule = "decision 0003: the signature's one place"
        _refuse(
            location.path,
            rule,
            Sentence(
                f"chữ ký nằm trong {parent}, không đúng vị trí quy định",
                f"the signature stands in {parent} and not at its one place",
            ),
        )
    if (found[0].tail or "").strip():
        reason = Sentence("có văn bản sau chữ ký", "text stands after the signature")
        _refuse(location.path, "decision 0003: the signature is the last in its element", reason)
    return found[0]


def _refuse_uncovered(root: etree._Element, path: str) -> None:
    if not _HAS_UNCOVERED(root):
        return
    if _HAS_COMMENT(root):
        rule = "Exclusive C14N 1.0 §4: comments are left out of what is signed"
        _refuse(
            path,
            rule,
            Sentence(
                "gói tin có chú thích <!-- -->, mà chữ ký không bao phủ",
                "the document holds a comment, which no signature covers",
            ),
        )
    if _HAS_INSTRUCTION_OUTSIDE(root):
        rule = "decision 0003: nothing stands beside the root element"
        _refuse(
            path,
            rule,
            Sentence(
                "có chỉ thị xử lý nằm ngoài phần tử gốc",
                "a processing instruction stands outside the root element",
            ),
        )
    if _HAS_LONG_NAMESPACE(root):
        rule = f"decision 0003: namespace names of at most {_LIMIT} characters"
        _refuse(path, rule, Sentence("tên không gian tên quá dài", "a namespace name is too long"))

    if _HAS_MANY_ATTRIBUTES(root):
        rule = f"decision 0003: at most {profile.MAX_ATTRIBUTES} attributes on an element"
        _refuse(path, rule, Sentence("phần tử có quá nhiều thuộc tính", "an element has too many attributes"))


def _signed_info(signed_info: etree._Element, path: str) -> tuple[str, str, bytes]:
    names = ("CanonicalizationMethod", "SignatureMethod", "Reference")
    canonicalization, method, reference = _children(signed_info, path, *names)
    if reference.get("URI") != "":
        rule = "XMLDSIG 1.1 §4.4.3.1: URI='' means the whole document"
        _refuse(
            f"{path}/Reference",
            rule,
            Sentence(
                "Reference không trỏ tới toàn bộ tài liệu", "the reference is not to the whole document"
            ),
        )
    names = ("Transforms", "DigestMethod", "DigestValue")
    transforms, digest, value = _children(reference, f"{path}/Reference", *names)
    forbidden = [
        *_unless_in({profile.EXCLUSIVE_C14N}, canonicalization, path, "XMLDSIG 1.1 §6.5"),
        *_unless_in(profile.SIGNATURE_METHODS, method, path, "XMLDSIG 1.1 §6.4"),
        *_unless_in(profile.DIGEST_METHODS, digest, f"{path}/Reference", "XMLDSIG 1.1 §6.2"),
    ]
    for step in transforms:
        forbidden += _unless_in(profile.TRANSFORMS, step, f"{path}/Reference/Transforms", "XMLDSIG 1.1 §6.6")
    if forbidden:
        raise SignatureRejected(forbidden)
    _transforms(transforms, f"{path}/Reference/Transforms")
    for element in (canonicalization, method, digest, *transforms):
        _children(element, f"{path}/{_local(element.tag)}")
    return _algorithm(method), _algorithm(digest), _octets(value, f"{path}/Reference/DigestValue")


def _transforms(transforms: etree._Element, path: str) -> None:
    if tuple(_algorithm(step) for step in transforms) != profile.TRANSFORMS:
        rule = "decision 0003: enveloped-signature, then exclusive canonicalisation"
        _refuse(
            path,
            rule,
            Sentence(
                "Transforms không phải enveloped-signature rồi exclusive C14N",
                "the transforms are not enveloped-signature, then exclusive C14N",
            ),
        )


def _unless_in(accepted: Container[str], element: etree._Element, path: str, clause: str) -> list[Violation]:
    algorithm = _algorithm(element)
    if algorithm in accepted:
        return []
    rule = f"{clause} and decision 0003; ETSI EN 319 102-1 CRYPTO_CONSTRAINTS_FAILURE"
    path = f"{path}/{_local(element.tag)}"
    return [violation(RejectionCode.FORBIDDEN_ALGORITHM, path=path, rule=rule, algorithm=algorithm)]


def _certificates(key_info: etree._Element, path: str) -> tuple[bytes, ...]:
    (data,) = _children(key_info, path.rpartition("/")[0], "X509Data")
    encoded = [child for child in data if child.tag not in _KEY_HINTS]
    rule = "XMLDSIG 1.1 §4.5.4; ETSI EN 319 102-1 NO_SIGNING_CERTIFICATE_FOUND"
    if not encoded:
        raise SignatureRejected([violation(RejectionCode.NO_SIGNING_CERTIFICATE, path=path, rule=rule)])
    if any(child.tag != ds("X509Certificate") for child in encoded):
        _refuse(
            path,
            "XMLDSIG 1.1 §4.5.4: certificates only",
            Sentence("X509Data chứa thành phần không được chấp nhận", "X509Data holds something else"),
        )
    if len(encoded) > profile.MAX_CERTIFICATES:
        _refuse(
            path,
            f"decision 0003: at most {profile.MAX_CERTIFICATES} certificates",
            Sentence("quá nhiều chứng thư trong X509Data", "X509Data holds too many certificates"),
        )
    return tuple(_octets(child, f"{path}/X509Certificate") for child in encoded)


def _children(element: etree._Element, path: str, *names: str) -> list[etree._Element]:
    """Return the children of *element*, which are exactly *names* in this order, with nothing between."""
    children = list(element)
    found = [child.tag for child in children]
    if found != [ds(name) for name in names]:
        expected = ", ".join(names) or "∅"
        parent, got = _local(element.tag), ", ".join(map(_local, found)) or "∅"
        rule = "XMLDSIG 1.1 §4 as narrowed by decision 0003"
        _refuse(
            path,
            rule,
            Sentence(f"{parent} chứa {got}, cần {expected}", f"{parent} holds {got} instead of {expected}"),
        )
    return children


def _octets(element: etree._Element, path: str) -> bytes:
    name, text = _local(element.tag), "".join((element.text or "").split())
    if len(element) or not text or len(text) > profile.MAX_BASE64_CHARACTERS:
        _refuse(
            path,
            "XMLDSIG 1.1 §4.1: base64",
            Sentence(f"{name} rỗng hoặc quá dài", f"{name} is empty or too long"),
        )
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        _refuse(
            path, "XMLDSIG 1.1 §4.1: base64", Sentence(f"{name} không phải base64", f"{name} is not base64")
        )


def _algorithm(element: etree._Element) -> str:
    return element.get("Algorithm", "")


def _local(tag: object) -> str:
    """Return the name without its namespace; comments and processing instructions have none."""
    return tag.rpartition("}")[2] if isinstance(tag, str) else "?"


def _refuse(path: str, rule: str, reason: Sentence) -> NoReturn:
    rule = f"{rule}; ETSI EN 319 102-1 FORMAT_FAILURE"
    code = RejectionCode.SIGNATURE_FORMAT_FAILURE
    broken = violation(code, path=path, rule=rule, reason_vi=reason.vi, reason_en=reason.en)
    raise SignatureRejected([broken])
