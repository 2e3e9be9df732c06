"""Well-formed documents of every shape: namespaces declared, undone and declared again, text of all kinds."""

from collections.abc import Mapping

from hypothesis import strategies as st

_PREFIXES = ("", "p", "q", "é")
_NAMES = ("urn:x", "urn:y", "urn:z?a='1'", "http://www.w3.org/2000/09/xmldsig")
_WORDS = st.text(
    st.characters(
        codec="utf-8", exclude_categories=("Cs", "Cc", "Cn", "Co"), exclude_characters="<&>'\"\ufffe"
    ),
    max_size=8,
)
_TEXTS = st.one_of(
    _WORDS,
    st.sampled_from(
        ["&amp;", "&lt;", "&gt;", ">", "&#13;", "\r\n", "\n", "\t", "&#x1F600;", "&quot;", '"', "'"]
    ),
    st.sampled_from(["<![CDATA[a<b&c>]]>", "<!-- a comment -->", "<?target some words?>", "<?target?>"]),
)
_VALUES = st.one_of(
    _WORDS, st.sampled_from(["&#9;", "&#10;", "&#13;", "&lt;", "&amp;", "\n", "\t", ">", "&quot;", "a  b"])
)
_LOCAL = st.sampled_from(["a", "b", "Văn", "c-1", "d.e"])
_OUTSIDE = st.sampled_from(["", "\n", "<!-- outside -->", "<?outside x?>", "\n<?outside y?>\n<!-- z -->"])


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """Return a document that is well-formed and has a canonical form."""
    declaration = draw(st.sampled_from(["", '<?xml version="1.0" encoding="UTF-8"?>\n', "\ufeff"]))
    return (declaration + draw(_OUTSIDE) + _element(draw, {}, 4) + draw(_OUTSIDE)).encode()


def _element(draw: st.DrawFn, known: Mapping[str, str], depth: int) -> str:
    declared = draw(st.dictionaries(st.sampled_from(_PREFIXES), st.sampled_from(_NAMES), max_size=2))
    if known.get("") and draw(st.booleans()):
        declared[""] = ""
    scope = {**known, **declared}
    name = _written(draw(st.sampled_from(["", *filter(None, scope)])), draw(_LOCAL))
    parts = [f"<{name}", *(_declaration(prefix, each) for prefix, each in declared.items())]
    parts += _attributes(draw, scope)
    children = [_child(draw, scope, depth) for _ in range(draw(st.integers(0, 4)))]
    return "".join([*parts, ">", *children, f"</{name}>"]) if children else "".join([*parts, "/>"])


def _child(draw: st.DrawFn, scope: Mapping[str, str], depth: int) -> str:
    return _element(draw, scope, depth - 1) if depth and draw(st.booleans()) else draw(_TEXTS)


def _attributes(draw: st.DrawFn, scope: Mapping[str, str]) -> list[str]:
    chosen: dict[tuple[str, str], str] = {}
    for _ in range(draw(st.integers(0, 3))):
        prefix, local = draw(st.sampled_from(["", "xml", *filter(None, scope)])), draw(_LOCAL)
        key = (scope.get(prefix, prefix) if prefix else "", local)
        chosen.setdefault(key, f' {_written(prefix, local)}="{draw(_VALUES)}"')
    return list(chosen.values())


def _declaration(prefix: str, namespace: str) -> str:
    return f' xmlns:{prefix}="{namespace}"' if prefix else f' xmlns="{namespace}"'


def _written(prefix: str, local: str) -> str:
    return f"{prefix}:{local}" if prefix else local
