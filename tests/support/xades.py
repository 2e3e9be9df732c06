"""XAdES signatures by signxml, which shares no code with the hub, and what may be done to them."""

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Any

import time_machine
from lxml import etree
from signxml import DigestAlgorithm, SignatureConstructionMethod
from signxml.algorithms import CanonicalizationMethod, SignatureMethod
from signxml.util import ds_tag
from signxml.xades import XAdESSigner

from hub.signature.signing import SigningKey
from tests.support.authority import AT

XADES = "http://uri.etsi.org/01903/v1.3.2#"
DS = "http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE = CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0
Change = Callable[[etree._Element], None]


class _Signer(XAdESSigner):
    """Names the canonicalisation of its own references, which signxml leaves out although it uses it."""

    def __init__(self, change: Change, **how: Any) -> None:  # noqa: ANN401 - signxml's own
        super().__init__(**how)
        self._change = change

    def _add_reference_to_signed_info(
        self, sig_root: etree._Element, node_to_reference: etree._Element, **attrs: str
    ) -> None:
        if node_to_reference.tag == f"{{{XADES}}}SignedProperties":
            self._change(node_to_reference)
        super()._add_reference_to_signed_info(sig_root, node_to_reference, **attrs)
        reference = sig_root.find(f"{{{DS}}}SignedInfo")[-1]
        transforms = etree.Element(ds_tag("Transforms"), nsmap=self.namespaces)
        etree.SubElement(transforms, ds_tag("Transform"), Algorithm=EXCLUSIVE.value)
        reference.insert(0, transforms)


def sign_xades(
    body: bytes, key: SigningKey, *, change: Change = lambda properties: None, at: datetime = AT
) -> bytes:
    """Return *body* with a XAdES-BES signature in its place, made *at*; *change* edits what is signed."""
    signer = _Signer(
        change,
        method=SignatureConstructionMethod.enveloped,
        signature_algorithm=SignatureMethod.ECDSA_SHA256,
        digest_algorithm=DigestAlgorithm.SHA256,
        c14n_algorithm=EXCLUSIVE,
    )
    root = etree.fromstring(body)
    header = root.find(".//{*}edXMLHeader")
    placeholder = etree.SubElement(header, ds_tag("Signature"), Id="placeholder", nsmap={"ds": DS})
    assert placeholder is not None
    with time_machine.travel(at, tick=False):
        signed = signer.sign(
            root,
            key=key.private_key,
            cert=[key.certificate, *key.chain],
            always_add_key_value=False,
        )
    return etree.tostring(signed, encoding="UTF-8", xml_declaration=True)


def with_stamp(
    body: bytes, token: Callable[[bytes], bytes], *, method: str | None = EXCLUSIVE.value
) -> bytes:
    """Return *body* with the time stamp that *token* makes of its signature value: XAdES-T."""
    root = etree.fromstring(body)
    value = root.find(f".//{{{DS}}}SignatureValue")
    properties = root.find(f".//{{{XADES}}}QualifyingProperties")
    canonical = etree.tostring(value, method="c14n", exclusive=method == EXCLUSIVE.value)
    unsigned = etree.SubElement(properties, f"{{{XADES}}}UnsignedProperties")
    own = etree.SubElement(unsigned, f"{{{XADES}}}UnsignedSignatureProperties")
    stamp = etree.SubElement(own, f"{{{XADES}}}SignatureTimeStamp")
    if method is not None:
        etree.SubElement(stamp, f"{{{DS}}}CanonicalizationMethod", Algorithm=method)
    holder = etree.SubElement(stamp, f"{{{XADES}}}EncapsulatedTimeStamp")
    holder.text = base64.b64encode(token(canonical)).decode()
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)
