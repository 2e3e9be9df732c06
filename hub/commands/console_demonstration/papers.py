"""What is sent: official letters as agencies write them, the same from the same seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Final

from adapters.kit.draft import AttachmentDraft, DocumentDraft, Party, Signer, Staff
from hub.commands.console_demonstration.cast import PLAYERS, SENDERS, Player
from hub.commands.demonstration.pdf import one_page
from hub.commands.shown import VIETNAM
from hub.message.identifiers import DocumentId

FORMS: Final = (
    ("Công văn", "CV", "V/v"),
    ("Quyết định", "QĐ", "Về việc"),
    ("Báo cáo", "BC", "Báo cáo"),
    ("Kế hoạch", "KH", "Kế hoạch"),
    ("Thông báo", "TB", "Thông báo"),
    ("Giấy mời", "GM", "Giấy mời họp về"),
)
ACTS: Final = (
    "triển khai thực hiện",
    "báo cáo kết quả",
    "góp ý dự thảo",
    "phê duyệt",
    "rà soát, sửa đổi",
    "tăng cường",
    "kiểm tra",
    "đôn đốc",
)
MATTERS: Final = (
    "chuyển đổi số năm 2026",
    "dự toán ngân sách nhà nước năm 2027",
    "phòng, chống thiên tai và tìm kiếm cứu nạn",
    "giải ngân vốn đầu tư công",
    "cải cách thủ tục hành chính",
    "sắp xếp đơn vị hành chính cấp xã",
    "công tác tiêm chủng mở rộng",
    "bảo vệ bí mật nhà nước trên môi trường mạng",
    "quy hoạch sử dụng đất",
    "gửi, nhận văn bản điện tử",
)
SURNAMES: Final = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Vũ", "Đặng", "Bùi")
NAMES: Final = (
    "Thị Bình",
    "Văn Cường",
    "Minh Đức",
    "Thu Hà",
    "Quốc Khánh",
    "Thanh Mai",
    "Hữu Nam",
    "Ngọc Sơn",
)
_URGENT_SHARE: Final = 0.06
_DUE_SHARE: Final = 0.15
_MANY_SHARE: Final = 0.12


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A letter and who sends it."""

    sender: Player
    draft: DocumentDraft


class Desk:
    """Writes letters, each with a number of its own."""

    def __init__(self, seed: int) -> None:
        """Write the letters that *seed* stands for."""
        self._random = Random(seed)  # noqa: S311 - a world to look at, no secret
        self._number = 100

    def post(self, count: int) -> Iterator[Letter]:
        """Yield *count* letters to whomever they go."""
        weights = [each.share for each in PLAYERS]
        for _ in range(count):
            sender = self._random.choice(SENDERS)
            wanted = self._random.randint(2, 4) if self._random.random() < _MANY_SHARE else 1
            chosen = dict.fromkeys(self._random.choices(PLAYERS, weights, k=wanted * 2))
            recipients = [each for each in chosen if each != sender][:wanted]
            yield self.letter(sender, *(recipients or [PLAYERS[0] if sender != PLAYERS[0] else PLAYERS[1]]))

    def letter(self, sender: Player, *recipients: Player) -> Letter:
        """Write one letter of *sender* to *recipients*."""
        self._number += 1
        kind, short, beginning = self._random.choice(FORMS)
        subject = f"{beginning} {self._random.choice(ACTS)} {self._random.choice(MATTERS)}"
        notation = f"{short}-{sender.agency.code.rpartition('.')[2]}"
        day = datetime.now(VIETNAM).date()
        return Letter(
            sender=sender,
            draft=DocumentDraft(
                sender=_party(sender),
                recipients=tuple(_party(each) for each in recipients),
                document_id=DocumentId(f"{sender.agency.code},{day:%Y/%m/%d},{self._number}/{notation}"),
                code_number=str(self._number),
                code_notation=notation,
                promulgated_on=day,
                subject=subject,
                content=subject,
                signer=Signer(full_name=self._name(), position="Phó Chánh Văn phòng", competence="KT."),
                at=datetime.now(UTC),
                type_name=kind,
                due_on=self._due(day),
                priority=self._random.randint(1, 4) if self._random.random() < _URGENT_SHARE else 0,
                attachments=(self._scan(notation),),
                pages=1,
                staff=Staff(department="Văn thư", name=self._name()),
            ),
        )

    def _due(self, day: date) -> date | None:
        if self._random.random() >= _DUE_SHARE:
            return None
        return day + timedelta(days=self._random.randint(-6, 20))

    def _name(self) -> str:
        return f"{self._random.choice(SURNAMES)} {self._random.choice(NAMES)}"

    def _scan(self, notation: str) -> AttachmentDraft:
        lines = [f"So: {self._number}", "(Van ban dung de trinh dien.)", f"{self._random.random()}"]
        return AttachmentDraft(
            name=f"{self._number}-{notation}.pdf".replace("Đ", "D"), content=one_page(lines)
        )


def _party(player: Player) -> Party:
    return Party(code=player.agency.code, name=player.agency.name)
