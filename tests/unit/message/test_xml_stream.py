"""What a stranger calls things is read as it is written, and remembered only where it is short."""

import pytest

from hub.message import xml_stream
from hub.message.xml_stream import StartTag, StreamLimits, XmlStream


class Tags:
    """Keeps the start tags."""

    def __init__(self) -> None:
        self.found: list[StartTag] = []

    def start(self, tag: StartTag, position: int) -> None:
        assert position >= 0
        self.found.append(tag)

    def end(self, position: int) -> None:
        pass

    def text(self, written: str) -> None:
        pass

    def comment(self, written: str) -> None:
        pass

    def instruction(self, target: str, written: str) -> None:
        pass


def tags_of(document: str) -> list[StartTag]:
    tags = Tags()
    stream = XmlStream(tags, StreamLimits())
    stream.feed(document.encode())
    stream.close()
    return tags.found


@pytest.mark.parametrize("length", [1, 100, 100_000])
def test_a_name_is_read_as_it_is_written_however_long(length: int) -> None:
    long = "n" * length

    (root,) = tags_of(f'<p:{long} xmlns:p="urn:a" {long}="" p:{long}=""/>')

    assert root.name == ("urn:a", long, "p")
    assert [name for name, _ in root.attributes] == [("", long, ""), ("urn:a", long, "p")]


def test_long_names_are_not_remembered() -> None:
    long = "n" * 1_000
    tags_of("<r/>")
    before = xml_stream._name_once.cache_info().currsize

    tags = tags_of("<r>" + "".join(f"<{long}{each}/>" for each in range(20)) + "</r>")

    assert len(tags) == 21
    assert xml_stream._name_once.cache_info().currsize == before
