"""What a clerk is told when something cannot be sent: what is wrong and the way out, in both languages."""

from collections.abc import Iterable

from hub.errors import MessageRejected
from hub.message.refusal import Sentence, presentable

_LONGEST = 500


class Complaint(Exception):
    """The clerk acts: what lies there cannot be used as it is."""

    def __init__(self, *sentences: Sentence) -> None:
        """Complain with *sentences*, of which there is at least one."""
        super().__init__(sentences[0].en)
        self.sentences = sentences

    @property
    def text(self) -> str:
        """The whole complaint, Vietnamese first."""
        return reason_text(self.sentences)


def said(vi: str, en: str) -> Complaint:
    """Return the complaint that says one thing."""
    return Complaint(Sentence(presentable(vi, longest=_LONGEST), presentable(en, longest=_LONGEST)))


def complaint_of(rejection: MessageRejected) -> Complaint:
    """Return what the kit refused, for a clerk."""
    return Complaint(*(Sentence(f"{each.code}: {each.vi}", each.en) for each in rejection.violations))


def reason_text(sentences: Iterable[Sentence]) -> str:
    """Return *sentences* as a file for a clerk."""
    sentences = list(sentences)
    lines = [
        "KHÔNG GỬI ĐƯỢC",
        *(f"- {each.vi}" for each in sentences),
        "Hãy sửa rồi thả lại tất cả các tệp vào thư mục out.",
        "",
        "NOT SENT",
        *(f"- {each.en}" for each in sentences),
        "Correct it, then drop all the files into the folder out again.",
        "",
    ]
    return "\n".join(lines)
