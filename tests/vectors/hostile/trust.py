"""Signatures that hold over documents of the right shape, and still prove nothing that the axis wants."""

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree

from hub.signature.signing import sign_envelope
from tests.support.authority import agency_signing_key
from tests.support.crafted_certificate import Certification, certified
from tests.support.crafted_signature import C14N, DS, ENVELOPED, EXCLUSIVE, MORE, Craft, craft
from tests.support.edxml import envelope
from tests.support.envelopes import a_document

XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
XPATH2 = "http://www.w3.org/2002/06/xmldsig-filter2"
XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"


def transformed(*transforms: str, inside: str = "") -> bytes:
    how = Craft(transforms=(ENVELOPED, *transforms), in_transform=inside)
    return craft(envelope(), agency_signing_key("H41.07"), how)


def xpath_that_excludes_the_recipients() -> bytes:
    """An XPath transform takes the recipients out of what is signed."""
    return transformed(
        EXCLUSIVE, XPATH, inside=f'<x:XPath xmlns:x="{DS}">not(ancestor-or-self::To)</x:XPath>'
    )


def xpath_filter_that_excludes_the_attachments() -> bytes:
    """An XPath Filter 2.0 subtracts the attachments."""
    inside = f'<x:XPath xmlns:x="{XPATH2}" Filter="subtract">//AttachmentEncoded</x:XPath>'
    return transformed(EXCLUSIVE, XPATH2, inside=inside)


def xslt_that_writes_a_constant() -> bytes:
    """A stylesheet that makes the same bytes of every document."""
    style = "http://www.w3.org/1999/XSL/Transform"
    inside = (
        f'<s:stylesheet xmlns:s="{style}" version="1.0"><s:template match="/">x</s:template></s:stylesheet>'
    )
    return transformed(EXCLUSIVE, XSLT, inside=inside)


def xpath_that_never_ends() -> bytes:
    """An XPath of exponential cost: denial of service through a transform."""
    expression = "//*[count(//*[count(//*[count(//*)>0])>0])>0]"
    return transformed(EXCLUSIVE, XPATH, inside=f'<x:XPath xmlns:x="{DS}">{expression}</x:XPath>')


def thousand_transforms() -> bytes:
    """Each canonicalisation costs a pass over the document."""
    return transformed(*(EXCLUSIVE,) * 1_000)


def thousand_references() -> bytes:
    """Each reference costs a digest over the document."""
    return craft(envelope(), agency_signing_key("H41.07"), Craft(uris=("",) * 500))


def reference_to_a_web_server() -> bytes:
    """The hub would fetch what an attacker names: a request forged by the server."""
    return craft(envelope(), agency_signing_key("H41.07"), Craft(uris=("http://127.0.0.1:9/metadata",)))


def reference_to_a_file() -> bytes:
    """The hub would read its own files."""
    return craft(envelope(), agency_signing_key("H41.07"), Craft(uris=("file:///etc/passwd",)))


def retrieval_method() -> bytes:
    """Key substitution: the key is to be fetched from the attacker."""
    method = f'<ds:RetrievalMethod xmlns:ds="{DS}" URI="http://127.0.0.1:9/key"/>'
    return craft(envelope(), agency_signing_key("H41.07"), Craft(in_key_info=method))


def key_value_of_the_attacker() -> bytes:
    """Key substitution: another key beside the certificate of the agency, and a signature by that key."""
    attacker = certified(Certification(subject="H41.07", self_signed=True))
    value = f'<ds:KeyValue xmlns:ds="{DS}"><ds:ECKeyValue/></ds:KeyValue>'
    real = agency_signing_key("H41.07")
    how = Craft(in_key_info=value, certificates=(real.certificate, *real.chain))
    return craft(envelope(), attacker, how)


def certificate_of_the_agency_key_of_the_attacker() -> bytes:
    """Key substitution: the agency's certificate, a signature by somebody else."""
    attacker = certified(Certification(self_signed=True))
    real = agency_signing_key("H41.07")
    return craft(envelope(), attacker, Craft(certificates=(real.certificate, *real.chain)))


def attacker_first_agency_second() -> bytes:
    """Two certificates: the attacker's signs, the agency's stands behind it for those who take the last."""
    attacker = certified(Certification(self_signed=True))
    real = agency_signing_key("H41.07")
    return craft(
        envelope(), attacker, Craft(certificates=(attacker.certificate, real.certificate, *real.chain))
    )


def hmac_with_the_public_key() -> bytes:
    """Algorithm confusion: HMAC, keyed with the public key that everybody has."""
    return craft(envelope(), agency_signing_key("H41.07"), Craft(method=f"{MORE}hmac-sha256"))


def hmac_truncated_to_nothing() -> bytes:
    """CVE-2009-0217: an HMAC of which no bit counts."""
    root = etree.fromstring(hmac_with_the_public_key())
    method = root.find(f".//{{{DS}}}SignatureMethod")
    assert method is not None
    etree.SubElement(method, f"{{{DS}}}HMACOutputLength").text = "0"
    return etree.tostring(root)


def rsa_sha1() -> bytes:
    """SHA-1: a second document with the same signature can be made."""
    key = certified(Certification(private_key=rsa.generate_private_key(65537, 2048)))
    return craft(envelope(), key, Craft(method=f"{DS}rsa-sha1"))


def md5_digest() -> bytes:
    """MD5: a second document with the same digest is made in seconds."""
    good = craft(envelope(), agency_signing_key("H41.07"))
    return good.replace(b"http://www.w3.org/2001/04/xmlenc#sha256", f"{MORE}md5".encode())


def unknown_algorithm() -> bytes:
    """A verifier that skips what it does not know accepts everything."""
    return craft(envelope(), agency_signing_key("H41.07"), Craft(method="urn:example:none"))


def rsa_with_exponent_3() -> bytes:
    """Small exponents make forged paddings work (Bleichenbacher 2006)."""
    key = certified(Certification(private_key=rsa.generate_private_key(3, 2048)))
    return craft(envelope(), key, Craft(method=f"{MORE}rsa-sha256"))


def inclusive_c14n() -> bytes:
    """Void canonicalisation: what stands around decides what is signed."""
    return craft(envelope(), agency_signing_key("H41.07"), Craft(canonicalization=C14N))


def relative_namespace() -> bytes:
    """Void canonicalisation: with a relative namespace libxml2 has no canonical form, others an empty one."""
    return sign_envelope(envelope(), agency_signing_key("H41.07")).replace(
        b"<edXML:TraceHeaderList ", b'<edXML:TraceHeaderList xmlns:r="relative" r:a="1" '
    )


def comment_in_the_recipient() -> bytes:
    """A comment splits the recipient's code: no signature covers it, and some readers stop there."""
    return sign_envelope(envelope(), agency_signing_key("H41.07")).replace(b">G22<", b">G2<!-- -->2<")


def comment_in_the_document_id() -> bytes:
    """The same in the identifier of the document."""
    return sign_envelope(envelope(), agency_signing_key("H41.07")).replace(b"12/TB", b"1<!---->2/TB")


def instruction_in_the_recipient() -> bytes:
    """A processing instruction does the same, and is signed."""
    return sign_envelope(envelope().replace(b">G22<", b">G2<?x?>2<"), agency_signing_key("H41.07"))


def by_another_agency() -> bytes:
    """A document of G22, truly signed by H14."""
    return sign_envelope(a_document().unsigned(), agency_signing_key("H14"))


def by_an_unregistered_certificate() -> bytes:
    """A certificate of the right authority that nobody entered: the name in it proves nothing."""
    return sign_envelope(a_document().unsigned(), certified(Certification(subject="G22")))


def by_a_revoked_certificate() -> bytes:
    """A certificate that the register says is revoked."""
    return sign_envelope(a_document().unsigned(), agency_signing_key("revoked"))


VECTORS: list[tuple[Callable[[], bytes], str]] = [
    (xpath_that_excludes_the_recipients, "FORBIDDEN_TRANSFORM"),
    (xpath_filter_that_excludes_the_attachments, "FORBIDDEN_TRANSFORM"),
    (xslt_that_writes_a_constant, "FORBIDDEN_TRANSFORM"),
    (xpath_that_never_ends, "FORBIDDEN_TRANSFORM"),
    (thousand_transforms, "SIGNATURE_FORMAT_FAILURE"),
    (thousand_references, "SIGNATURE_FORMAT_FAILURE"),
    (reference_to_a_web_server, "FORBIDDEN_REFERENCE"),
    (reference_to_a_file, "FORBIDDEN_REFERENCE"),
    (retrieval_method, "SIGNATURE_FORMAT_FAILURE"),
    (key_value_of_the_attacker, "SIGNATURE_FORMAT_FAILURE"),
    (certificate_of_the_agency_key_of_the_attacker, "SIG_CRYPTO_FAILURE"),
    (attacker_first_agency_second, "NO_CERTIFICATE_CHAIN"),
    (hmac_with_the_public_key, "FORBIDDEN_ALGORITHM"),
    (hmac_truncated_to_nothing, "FORBIDDEN_ALGORITHM"),
    (rsa_sha1, "FORBIDDEN_ALGORITHM"),
    (md5_digest, "FORBIDDEN_ALGORITHM"),
    (unknown_algorithm, "FORBIDDEN_ALGORITHM"),
    (rsa_with_exponent_3, "WEAK_KEY"),
    (inclusive_c14n, "FORBIDDEN_ALGORITHM"),
    (relative_namespace, "SIGNATURE_FORMAT_FAILURE"),
    (comment_in_the_recipient, "CONTENT_NOT_COVERED"),
    (comment_in_the_document_id, "CONTENT_NOT_COVERED"),
    (instruction_in_the_recipient, "FORBIDDEN_XML"),
    (by_another_agency, "CERTIFICATE_OF_ANOTHER_AGENCY"),
    (by_an_unregistered_certificate, "CERTIFICATE_NOT_REGISTERED"),
    (by_a_revoked_certificate, "CERTIFICATE_REVOKED"),
]
