import re

from hub.commands.demonstration.pdf import one_page


def test_the_cross_reference_table_points_at_every_object() -> None:
    content = one_page(["SO 12/VPCP-TH", "(mat)"])

    start = int(content.rsplit(b"startxref\n", 1)[1].split()[0])
    places = [int(entry) for entry in re.findall(rb"^(\d{10}) 00000 n $", content[start:], re.MULTILINE)]
    assert content.startswith(b"%PDF-1.4\n")
    assert content[start:].startswith(b"xref\n0 6\n")
    assert [content[place:].split(b" ", 1)[0] for place in places] == [b"1", b"2", b"3", b"4", b"5"]


def test_brackets_in_a_line_do_not_end_its_string() -> None:
    assert rb"(\(mat\)) Tj" in one_page(["(mat)"])


def test_the_stated_length_of_the_stream_is_its_length() -> None:
    content = one_page(["abc"])

    stated = int(re.search(rb"/Length (\d+)", content)[1])
    stream = content.split(b"stream\n", 1)[1].split(b"\nendstream", 1)[0]
    assert len(stream) == stated
