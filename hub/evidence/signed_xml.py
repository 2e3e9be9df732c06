"""Verifies the XML signature of a document, a status or a receipt: XML-DSig, and the same inside XAdES.

What is accepted is narrow (decision 0003 of the axis): one signature; one reference to the whole document
with the transforms enveloped-signature and exclusive canonicalisation; otherwise only references to parts of
the signature itself. Nothing of the document is returned but what the signature covers.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, Hash, HashAlgorithm
from lxml import etree

_DS: Final = "{http://www.w3.org/2000/09/xmldsig#}"
_XADES: Final = "{http://uri.etsi.org/01903/v1.3.2#}"
_ENVELOPED: Final = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
_EXCLUSIVE: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
_INCLUSIVE: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
_MORE: Final = "http://www.w3.org/2001/04/xmldsig-more#"
_XMLENC: Final = "http://www.w3.org/2001/04/xmlenc#"
_MGF1: Final = "http://www.w3.org/2007/05/xmldsig-more#"
_DIGESTS: Final[Mapping[str, HashAlgorithm]] = MappingProxyType(
    {f"{_XMLENC}sha256": SHA256(), f"{_MORE}sha384": SHA384(), f"{_XMLENC}sha512": SHA512()}
)
_BY_SIZE: Final = (("256", SHA256()), ("384", SHA384()), ("512", SHA512()))
_RSA: Final = MappingProxyType({f"{_MORE}rsa-sha{size}": algorithm for size, algorithm in _BY_SIZE})
_PSS: Final = MappingProxyType({f"{_MGF1}sha{size}-rsa-MGF1": algorithm for size, algorithm in _BY_SIZE})
_ECDSA: Final = MappingProxyType({f"{_MORE}ecdsa-sha{size}": algorithm for size, algorithm in _BY_SIZE})


class Unproved(Exception):
    """The signature does not hold, or is none that can be judged; says why in both languages."""

    def __init__(self, vi: str, en: str) -> None:
        """Say why."""
        super().__init__(en)
        self.vi = vi
        self.en = en


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What a signature covers, and the certificates that came with it."""

    root: etree._Element
    """The document without its signature."""
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    claimed_roles: tuple[str, ...]
    """What the signer calls itself (XAdES `ClaimedRole`), among the properties that the signature covers."""


def verify(body: bytes) -> Signed:
    """Return what *body* proves; raises `Unproved` where its signature does not hold.

    Whose certificate it is, and whether it may be trusted, is another question.
    """
    root = _parse(body)
    signature = _the_signature(root)
    signed_info = _child(signature, "SignedInfo")
    if _algorithm(signed_info, "CanonicalizationMethod") != _EXCLUSIVE:
        raise Unproved("phép chuẩn hóa không được chấp nhận", "the canonicalisation is not accepted")
    certificates = _certificates(signature)
    _verify_value(certificates[0], signed_info, _octets(_child(signature, "SignatureValue")))
    references = signed_info.findall(f"{_DS}Reference")
    own = [each for each in references if each.get("URI") != ""]
    if len(references) - len(own) != 1:
        raise Unproved(
            "chữ ký không bao phủ toàn bộ tài liệu", "the signature is not over the whole document"
        )
    parts = [_own_part(signature, each) for each in own]
    for each, part in zip(own, parts, strict=True):
        _verify_reference(each, _octets_of_own_part(each, part))
    roles = tuple(role.text or "" for part in parts for role in part.iter(f"{_XADES}ClaimedRole"))
    _remove(signature)
    (whole,) = [each for each in references if each.get("URI") == ""]
    if _transforms(whole) != [_ENVELOPED, _EXCLUSIVE]:
        raise Unproved("phép biến đổi không được chấp nhận", "the transforms are not accepted")
    _verify_reference(whole, _canonical(root, is_exclusive=True))
    return Signed(root=root, certificate=certificates[0], chain=tuple(certificates[1:]), claimed_roles=roles)


def _parse(body: bytes) -> etree._Element:
    """Read *body* without fetching or expanding anything; comments are refused, no signature covers them."""
    if b"<!DOCTYPE" in body:
        raise Unproved("có DOCTYPE", "there is a DOCTYPE")
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=True,
        collect_ids=False,
    )
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise Unproved(f"không phải XML ({error})", f"not XML ({error})") from error
    if (
        any(True for _ in root.iter(etree.Comment))
        or root.getprevious() is not None
        or root.getnext() is not None
    ):
        raise Unproved("có phần không được ký", "something stands there that no signature covers")
    return root


def _the_signature(root: etree._Element) -> etree._Element:
    found = list(root.iter(f"{_DS}Signature"))
    if len(found) != 1 or found[0] is root:
        raise Unproved(f"có {len(found)} chữ ký", f"there are {len(found)} signatures")
    return found[0]


def _certificates(signature: etree._Element) -> list[x509.Certificate]:
    found = signature.findall(f"{_DS}KeyInfo/{_DS}X509Data/{_DS}X509Certificate")
    try:
        certificates = [x509.load_der_x509_certificate(_octets(each)) for each in found]
    except ValueError as error:
        raise Unproved("chứng thư không đọc được", f"a certificate cannot be read ({error})") from error
    if not certificates:
        raise Unproved("không có chứng thư", "there is no certificate")
    return certificates


def _own_part(signature: etree._Element, reference: etree._Element) -> etree._Element:
    """Return the part of *signature* that *reference* names, which is exactly one."""
    name = (reference.get("URI") or "").removeprefix("#")
    found = [each for each in signature.iter("*") if name and each.get("Id") == name]
    if len(found) != 1 or reference.get("URI") != f"#{name}" or found[0] is signature:
        raise Unproved("tham chiếu ngoài chữ ký", "a reference to something else")
    return found[0]


def _octets_of_own_part(reference: etree._Element, part: etree._Element) -> bytes:
    steps = _transforms(reference)
    if steps not in ([], [_EXCLUSIVE], [_INCLUSIVE]):
        raise Unproved("phép biến đổi không được chấp nhận", "the transforms are not accepted")
    return _canonical(part, is_exclusive=steps == [_EXCLUSIVE])


def _verify_reference(reference: etree._Element, octets: bytes) -> None:
    algorithm = _DIGESTS.get(_algorithm(reference, "DigestMethod"))
    if algorithm is None:
        raise Unproved("thuật toán băm không được chấp nhận", "the digest method is not accepted")
    digest = Hash(algorithm)
    digest.update(octets)
    if digest.finalize() != _octets(_child(reference, "DigestValue")):
        raise Unproved("nội dung không phải nội dung đã ký", "the content is not what was signed")


def _verify_value(certificate: x509.Certificate, signed_info: etree._Element, value: bytes) -> None:
    method = _algorithm(signed_info, "SignatureMethod")
    octets = _canonical(signed_info, is_exclusive=True)
    try:
        key = certificate.public_key()
        if isinstance(key, rsa.RSAPublicKey) and method in _RSA:
            key.verify(value, octets, PKCS1v15(), _RSA[method])
        elif isinstance(key, rsa.RSAPublicKey) and method in _PSS:
            algorithm = _PSS[method]
            key.verify(value, octets, PSS(MGF1(algorithm), algorithm.digest_size), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey) and method in _ECDSA:
            key.verify(_in_der(value), octets, ec.ECDSA(_ECDSA[method]))
        else:
            raise Unproved("thuật toán ký không được chấp nhận", f"the method {method} is not accepted")
    except (InvalidSignature, ValueError) as error:
        raise Unproved("chữ ký không đúng", "the signature is wrong") from error


def _in_der(value: bytes) -> bytes:
    """Turn r and s side by side (XMLDSIG 1.1 §6.4.3) into DER."""
    half = len(value) // 2
    return encode_dss_signature(int.from_bytes(value[:half]), int.from_bytes(value[half:]))


def _canonical(element: etree._Element, *, is_exclusive: bool) -> bytes:
    try:
        return etree.tostring(element, method="c14n", exclusive=is_exclusive, with_comments=False)
    except etree.C14NError as error:
        raise Unproved("không chuẩn hóa được", f"no canonical form ({error})") from error


def _remove(element: etree._Element) -> None:
    """Remove *element* but not the text after it."""
    parent, previous, tail = element.getparent(), element.getprevious(), element.tail or ""
    if parent is None:
        raise AssertionError("the signature is never the root")
    if previous is None:
        parent.text = (parent.text or "") + tail
    else:
        previous.tail = (previous.tail or "") + tail
    parent.remove(element)


def _transforms(reference: etree._Element) -> list[str | None]:
    steps = reference.findall(f"{_DS}Transforms/{_DS}Transform")
    if any(len(step) for step in steps):
        raise Unproved("phép biến đổi có tham số", "a transform with parameters")
    return [step.get("Algorithm") for step in steps]


def _algorithm(parent: etree._Element, name: str) -> str:
    element = _child(parent, name)
    if len(element):
        raise Unproved(f"{name} có tham số", f"{name} with parameters")
    return element.get("Algorithm", "")


def _child(parent: etree._Element, name: str) -> etree._Element:
    found = parent.findall(f"{_DS}{name}")
    if len(found) != 1:
        raise Unproved(f"cần đúng một {name}", f"it needs exactly one {name}")
    return found[0]


def _octets(element: etree._Element) -> bytes:
    try:
        return base64.b64decode("".join((element.text or "").split()), validate=True)
    except ValueError as error:
        raise Unproved("base64 không đúng", "the base64 is wrong") from error
