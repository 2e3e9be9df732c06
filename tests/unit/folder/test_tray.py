"""Which files in `out/` make one document together."""

from adapters.folder.disk import Look
from adapters.folder.tray import drops_in, unled

LOOK = Look(octets=1, modified_at=1, inode=1)


def drops(*names: str) -> dict[str, tuple[str, ...]]:
    return {drop.name: drop.attachments for drop in drops_in(dict.fromkeys(names, LOOK))}


def test_an_envelope_is_a_document_alone() -> None:
    assert drops("a.edxml", "b.XML") == {"a.edxml": (), "b.XML": ()}


def test_a_toml_file_leads_everything_of_its_name() -> None:
    assert drops("a.toml", "a.pdf", "a.xlsx", "b.pdf") == {"a.toml": ("a.pdf", "a.xlsx")}


def test_xml_beside_a_toml_file_of_its_name_is_an_attachment() -> None:
    assert drops("a.toml", "a.xml", "a.edxml") == {"a.toml": ("a.xml",), "a.edxml": ()}


def test_a_marker_belongs_to_its_drop_and_is_no_attachment() -> None:
    (drop,) = drops_in(dict.fromkeys(["a.toml", "a.pdf", "a.ready"], LOOK))

    assert drop.marker == "a.ready"
    assert drop.attachments == ("a.pdf",)


def test_what_somebody_still_writes_is_left_alone() -> None:
    assert drops(".a.edxml", "~$a.edxml", "a.edxml.part", "a.pdf.crdownload", "Thumbs.db") == {}


def test_what_nobody_leads_is_named() -> None:
    files = dict.fromkeys(["a.pdf", "b.toml", "b.pdf", "~$a.docx"], LOOK)

    assert list(unled(files, list(drops_in(files)))) == ["a.pdf"]
