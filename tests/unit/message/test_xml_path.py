import pytest

from hub.message.hardened_xml import parse_hardened
from hub.message.xml_path import name_in, path_of


def test_a_path_counts_only_where_there_are_several() -> None:
    tree = parse_hardened(b'<a xmlns="urn:x"><b/><!-- c --><c/><b><d/></b></a>')

    assert [path_of(element) for element in tree.iter("{*}*")] == [
        "/a",
        "/a/b[1]",
        "/a/c",
        "/a/b[2]",
        "/a/b[2]/d",
    ]


@pytest.mark.parametrize(
    "namespace", ["", "{urn:x}", "{urn:}x{}", "{" + "u" * 500 + "}"], ids=["none", "usual", "odd", "long"]
)
def test_a_name_is_what_follows_the_namespace_and_is_shortened_at_sixty(namespace: str) -> None:
    assert name_in(f"{namespace}OrganId") == "OrganId"
    assert name_in(f"{namespace}{'x' * 61}") == "x" * 60
    assert name_in(f"{namespace}{'x' * 5_000}") == "x" * 60


def test_an_absurd_name_is_shortened() -> None:
    assert len(path_of(parse_hardened(b"<" + b"x" * 5_000 + b"/>"))) < 100
