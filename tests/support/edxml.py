"""Small edXML envelopes with invented content, in the shapes that real software writes."""

NAMESPACE = "http://www.mic.gov.vn/TBT/QCVN_102_2016"

DUMMY_SIGNATURE = """<Signature><SignedInfo>
<CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"/>
<SignatureMethod Algorithm="http://www.w3.org/2000/09/xmldsig#rsa-sha1"/>
<Reference URI=""><DigestMethod Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"/>
<DigestValue>AAAA</DigestValue></Reference></SignedInfo><SignatureValue>BBBB</SignatureValue>
<KeyInfo><X509Data><X509SubjectName>CN=nobody</X509SubjectName></X509Data></KeyInfo></Signature>"""
"""What vendors copy from a sample: in the envelope's namespace, so it is no XML signature at all."""

FROM = "<edXML:From><edXML:OrganId>H41.07</edXML:OrganId></edXML:From>"
TO = """<edXML:To><edXML:OrganId>G22</edXML:OrganId>
          <edXML:OrganName>Văn phòng Mẫu</edXML:OrganName></edXML:To>"""


def envelope(
    *,
    in_header: str = "",
    subject: str = "V/v phối hợp thử nghiệm đường truyền",
    content: str = "VGhpcyBpcyBhIGZpbGUu",
    dotnet_order: bool = False,
) -> bytes:
    """Return an unsigned envelope; *in_header* stands where a signature or its placeholder would."""
    ends = f"{TO}{FROM}" if dotnet_order else f"{FROM}{TO}"
    text = f"""<?xml version="1.0" encoding="UTF-8"?>
<edXML xmlns="{NAMESPACE}">
  <edXML:edXMLEnvelope xmlns:edXML="{NAMESPACE}">
    <edXML:edXMLHeader>
      <edXML:MessageHeader>
        {ends}
        <edXML:DocumentId>H41.07,2026/05/30,12/TB-UBND</edXML:DocumentId>
        <edXML:Subject>{subject}</edXML:Subject>
      </edXML:MessageHeader>
      <edXML:TraceHeaderList version="1.0"/>
      {in_header}
    </edXML:edXMLHeader>
    <edXML:edXMLBody>
      <edXML:edXMLManifest version="1.0">
        <edXML:Reference xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="cid:1">
          <edXML:ContentId>cid:1</edXML:ContentId>
        </edXML:Reference>
      </edXML:edXMLManifest>
    </edXML:edXMLBody>
  </edXML:edXMLEnvelope>
  <AttachmentEncoded><Attachment><ContentId>cid:1</ContentId>
    <edXML:ContentTransferEncoded xmlns:edXML="{NAMESPACE}">{content}</edXML:ContentTransferEncoded>
  </Attachment></AttachmentEncoded>
</edXML>
"""
    return text.encode()
