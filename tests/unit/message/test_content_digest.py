from datetime import timedelta

import pytest

from adapters.kit.envelope import Party, Signer, Staff
from hub.message.attachment_reading import read_attachments
from hub.message.content_digest import content_digest
from hub.message.edxml import EDXML_NAMESPACE, BusinessType
from hub.message.edxml_elements import outline
from hub.message.hardened_xml import parse_hardened
from tests.support.envelopes import A_MOMENT, DocumentBuilder, a_document, a_status

BODY = a_document().with_attachment("b.txt", b"text").answering("d-0", "H41")


def digest_of(body: bytes) -> bytes:
    tree = parse_hardened(body)
    return content_digest(outline(tree), read_attachments(tree))


SAME = digest_of(BODY.unsigned())


@pytest.mark.parametrize(
    "other",
    [
        BODY.in_dotnet_order(),
        BODY.to("H17", "H14"),
        BODY.from_("000.00.00.G22", "Tên khác"),
        BODY.with_(sender=Party(code="G22", email="other@example.vn", telephone="1")),
        BODY.with_(at=A_MOMENT + timedelta(days=1)),
        BODY.with_(to_places=("Như trên;",)),
        BODY.with_(staff=Staff(name="Người khác")),
    ],
    ids=["order", "recipients", "sender's code", "contact", "hop", "places", "clerk"],
)
def test_the_same_content_has_the_same_digest(other: DocumentBuilder) -> None:
    assert digest_of(other.unsigned()) == SAME


def test_a_digest_stays_the_same_from_one_version_to_the_next() -> None:
    # It is stored, and a document must be known again years later.
    assert SAME.hex() == "5c344d4dcde23600264e4d49e6529a423a145b4df6f83ebeb2b5304f6a624960"


def test_the_digest_of_an_odd_document_stays_the_same_too() -> None:
    # Foreign and long names, repeated ones, white space of every kind, comments, CDATA, codes in all places.
    long_name, nbsp = "N" * 61, "\u00a0\u3000\u2028\x85"
    body = f"""<edXML xmlns="{EDXML_NAMESPACE}" xmlns:x="urn:x"><edXMLEnvelope><edXMLHeader><MessageHeader>
      <From><OrganId> 000.00.00.g22\t</OrganId><x:OrganId>G 22</x:OrganId></From><x:From><OrganId/></x:From>
      <Subject>a{nbsp}b <![CDATA[ <c> ]]><!-- d -->e</Subject><x:Subject> f\n\tg{nbsp}</x:Subject><Subject/>
      <Code><CodeNumber>1</CodeNumber><x:CodeNumber>2</x:CodeNumber><From>no</From></Code><Code>3</Code>
      <Code><!-- --></Code><Code>4<CodeNumber>5</CodeNumber>6</Code><{long_name}>7</{long_name}>
      <{long_name}o>8</{long_name}o><x:{"đ" * 300}>9</x:{"đ" * 300}><x:OrganId>00.14.H29</x:OrganId>
      </MessageHeader><TraceHeaderList><Bussiness><OrganId>h41</OrganId></Bussiness></TraceHeaderList>
      </edXMLHeader></edXMLEnvelope></edXML>"""

    digest = content_digest(outline(parse_hardened(body.encode())), ())

    assert digest.hex() == "1dde43bb3092c6eb729d9a7ab5daccc7c7ff92fa0a8c4cc5bbd2919307788ccf"


def test_white_space_does_not_count() -> None:
    assert digest_of(BODY.unsigned().replace(b"\n", b"").replace(b"  ", b"")) == SAME


def test_a_container_around_a_file_does_not_count() -> None:
    zipped = a_document().with_attachment("b.txt", b"text", zipped=True).answering("d-0", "H41")

    assert digest_of(zipped.unsigned()) == SAME


@pytest.mark.parametrize(
    "other",
    [
        BODY.about("V/v khác"),
        BODY.from_("H14"),
        BODY.identified_by("d-9"),
        BODY.with_priority(1),
        BODY.with_(content="Tóm tắt"),
        BODY.with_(signer=Signer(full_name="Người khác")),
        BODY.with_(appendixes=("Phụ lục",)),
        BODY.with_(business_type=BusinessType.UPDATE),
        BODY.answering("d-1", "H41"),
        BODY.with_attachment("c.txt", b"more"),
        BODY.without_attachments().with_attachment().with_attachment("b.txt", b"other"),
        BODY.without_attachments().with_attachment().with_attachment("renamed.txt", b"text"),
    ],
)
def test_other_content_has_another_digest(other: DocumentBuilder) -> None:
    assert digest_of(other.unsigned()) != SAME


def test_text_cannot_move_from_one_field_to_another() -> None:
    first = a_document().with_(appendixes=("a", "b")).unsigned()
    second = a_document().with_(appendixes=("a b",)).unsigned()

    assert digest_of(first) != digest_of(second)


def test_a_status_has_a_digest_too() -> None:
    assert digest_of(a_status().unsigned()) != digest_of(a_status().for_("d-2", sent_by="G22").unsigned())
