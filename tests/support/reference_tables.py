"""Writes the generated parts of docs/reference: `python -m tests.support.reference_tables`.

A test compares the files with what this module would write, so code and tables cannot drift apart.
"""

from itertools import groupby
from pathlib import Path
from types import MappingProxyType

from hub.errors import RejectionCode
from hub.message.delivery_state import ACKNOWLEDGED, CLOSED, TRANSITIONS, DeliveryState
from hub.message.edxml import StatusCode
from hub.message.refusal import SENTENCES

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"

GROUPS = MappingProxyType(
    {
        "1": ("Malformed message", "whoever maintains the sender's software"),
        "2": ("Signature", "whoever keeps the sender's keys and certificates"),
        "3": ("Structure and content", "the sender's clerk, or whoever maintains the sender's software"),
        "4": ("Authority", "the sender, together with the operator of the axis (registry, mandates)"),
        "5": ("Reused identifiers", "whoever maintains the sender's software"),
        "6": ("Recipients", "the sender's clerk, who chooses the recipients"),
    }
)
MEANINGS = MappingProxyType(
    {
        StatusCode.ARRIVED: (
            "đã đến",
            "it is in the recipient's system; nobody has looked at it",
            "recipient",
        ),
        StatusCode.REFUSED: (
            "từ chối tiếp nhận",
            "the recipient does not take it; the reason is given",
            "recipient",
        ),
        StatusCode.ACCEPTED: ("đã tiếp nhận", "it is entered in the recipient's register", "recipient"),
        StatusCode.ASSIGNED: ("phân công xử lý", "somebody has been told to deal with it", "recipient"),
        StatusCode.PROCESSING: ("đang xử lý", "it is being dealt with", "recipient"),
        StatusCode.FINISHED: ("đã hoàn thành", "it has been dealt with", "recipient"),
        StatusCode.RECALL_REQUESTED: ("lấy lại", "the sender wants it back", "original sender"),
        StatusCode.CHANGE_ACCEPTED: ("đồng ý lấy lại, cập nhật", "the recipient agrees", "recipient"),
        StatusCode.CHANGE_REFUSED: ("từ chối lấy lại, cập nhật", "the recipient does not agree", "recipient"),
    }
)


def rejection_codes() -> str:
    """Return the table of every code, one section for each group."""
    sections = []
    for digit, codes in groupby(RejectionCode, key=lambda code: code.value.removeprefix("HUB-")[0]):
        title, who = GROUPS[digit]
        rows = [f"| `{c.value}` | `{c.name}` | {SENTENCES[c].vi} | {SENTENCES[c].en} |" for c in codes]
        table = ["| code | name | tiếng Việt | English |", "| --- | --- | --- | --- |", *rows]
        sections.append("\n".join([f"## HUB-{digit}xxx: {title}", "", f"Who acts: {who}.", "", *table]))
    return "\n\n".join(sections)


def statuses() -> str:
    """Return the table of statuses and the machine that they drive."""
    rows = [f"| `{code.value}` | `{code.name}` | {' | '.join(MEANINGS[code])} |" for code in StatusCode]
    table = ["| code | name | tiếng Việt | means | sent by |", "| --- | --- | --- | --- | --- |", *rows]
    return "\n".join(
        ["## Status codes", "", *table, "", "## States of a delivery", "", *_states(), "", *_machine()]
    )


def _states() -> list[str]:
    rows = [
        f"| `{state.value}` | {_yes(state in ACKNOWLEDGED)} | {_yes(state in CLOSED)} |"
        for state in DeliveryState
    ]
    return ["| state | acknowledged: never sent again | closed |", "| --- | --- | --- |", *rows]


def _yes(fact: bool) -> str:  # noqa: FBT001 - one cell of a table
    return "yes" if fact else ""


def _machine() -> list[str]:
    arrows: dict[tuple[DeliveryState, DeliveryState], list[str]] = {}
    for (state, trigger), target in TRANSITIONS.items():
        arrows.setdefault((state, target), []).append(trigger.value.removeprefix("status_"))
    lines = [
        f"    {source.value} --> {target.value}: {', '.join(sorted(triggers))}"
        for (source, target), triggers in sorted(arrows.items(), key=_place)
    ]
    return ["```mermaid", "stateDiagram-v2", "    [*] --> waiting", *lines, "```"]


def _place(arrow: tuple[tuple[DeliveryState, DeliveryState], list[str]]) -> tuple[int, int]:
    order = list(DeliveryState)
    (source, target), _triggers = arrow
    return order.index(source), order.index(target)


GENERATED = MappingProxyType({"rejection-codes.md": rejection_codes, "statuses.md": statuses})


def with_generated(text: str, generated: str) -> str:
    """Return *text* with what stands between its two marks replaced by *generated*."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{generated}\n\n{END}{after}"


def main() -> None:
    """Rewrite the generated part of each file."""
    for name, generate in GENERATED.items():
        path = REFERENCE / name
        path.write_text(with_generated(path.read_text(encoding="utf-8"), generate()), encoding="utf-8")


if __name__ == "__main__":
    main()
