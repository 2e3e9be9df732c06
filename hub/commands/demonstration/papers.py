"""What is sent: real edXML with a real PDF."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from lxml import etree

from adapters.kit.draft import AttachmentDraft, DocumentDraft, Signer, Staff
from adapters.kit.envelope import compose_document
from hub.commands.demonstration.cast import GOVERNMENT_OFFICE, party
from hub.commands.demonstration.pdf import one_page
from hub.commands.local_axis import NewAgency
from hub.commands.shown import VIETNAM
from hub.message.edxml import EDXML_NAMESPACE
from hub.message.hardened_xml import parse_hardened
from hub.message.identifiers import DocumentId

NOTATION: Final = "VPCP-TTĐT"


def letter(
    *,
    number: str,
    subject: str,
    recipients: Sequence[NewAgency],
    at: datetime,
    priority: int = 0,
    annexes: Sequence[str] = (),
) -> DocumentDraft:
    """Return a letter of the Government Office to *recipients*; *number* is new on every play."""
    names = (f"{number}-{NOTATION}.pdf", *annexes)
    day = at.astimezone(VIETNAM).date()
    return DocumentDraft(
        sender=party(GOVERNMENT_OFFICE),
        recipients=tuple(party(each) for each in recipients),
        document_id=DocumentId(f"{GOVERNMENT_OFFICE.code},{day:%Y/%m/%d},{number}/{NOTATION}"),
        code_number=number,
        code_notation=NOTATION,
        promulgated_on=day,
        subject=subject,
        content=subject,
        signer=Signer(
            full_name="Trần Thị Bình", position="Phó Chủ nhiệm", competence="KT. BỘ TRƯỞNG, CHỦ NHIỆM"
        ),
        at=at,
        attachments=tuple(
            AttachmentDraft(name=name, content=scan(number), content_id=f"{number}.{place}")
            for place, name in enumerate(names, start=1)
        ),
        priority=priority,
        pages=1,
        to_places=("Như trên", "Lưu: VT"),
        staff=Staff(department="Văn thư", name="Lê Văn Cường", email="vanthu@vpcp.example"),
    )


def scan(number: str) -> bytes:
    """Return the letter's PDF."""
    return one_page(
        [
            "VAN PHONG CHINH PHU",
            f"So: {number}/VPCP-TTDT",
            "",
            "V/v gui, nhan van ban dien tu qua Truc lien thong van ban quoc gia",
            "(Van ban dung de trinh dien.)",
        ]
    )


def faulty(draft: DocumentDraft) -> bytes:
    """Return *draft* as an envelope whose manifest names a last file that is not enclosed."""
    root = parse_hardened(compose_document(draft))
    *_, last = root.iter(f"{{{EDXML_NAMESPACE}}}Attachment")
    container = last.getparent()
    if container is not None:
        container.remove(last)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)
