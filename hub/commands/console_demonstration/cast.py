"""Who plays: a dozen agencies, each with a temper of its own."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hub.commands.local_axis import NewAgency


class Temper(StrEnum):
    """What an agency's software does with documents."""

    DILIGENT = "diligent"
    """Takes them and says how far they are."""
    CHOOSY = "choosy"
    """Gives some back each time, as a system does that some scans choke; takes all others."""
    MENDED = "mended"
    """Gave everything back, and takes it since it was mended."""
    DOWN = "down"
    """Gives everything back: its breaker opens."""
    CRASHING = "crashing"
    """Dies of what it gets."""
    ABSENT = "absent"
    """Collects nothing before its time is over."""
    ASLEEP = "asleep"
    """Collects nothing for now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Player:
    """One connected agency."""

    agency: NewAgency
    temper: Temper = Temper.DILIGENT
    share: int = 10
    """How much of the post goes to it."""


def _player(code: str, name: str, temper: Temper = Temper.DILIGENT, share: int = 10) -> Player:
    return Player(agency=NewAgency(code=code, name=name), temper=temper, share=share)


PLAYERS: Final = (
    _player("000.00.00.G22", "Văn phòng Chính phủ", share=14),
    _player("000.00.00.G09", "Bộ Nội vụ", share=12),
    _player("000.00.00.G12", "Bộ Tài chính", share=12),
    _player("000.00.00.G18", "Bộ Y tế"),
    _player("000.00.00.H26", "UBND thành phố Hà Nội", share=16),
    _player("000.00.00.H41", "UBND tỉnh Nghệ An"),
    _player("000.00.00.H14", "UBND tỉnh Cao Bằng", Temper.CHOOSY),
    _player("000.00.00.H17", "UBND thành phố Đà Nẵng", Temper.MENDED, 3),
    _player("000.00.00.H21", "UBND tỉnh Gia Lai", Temper.DOWN, 8),
    _player("000.00.00.H35", "UBND tỉnh Lai Châu", Temper.CRASHING, 0),
    _player("000.00.00.H60", "UBND tỉnh Tuyên Quang", Temper.ABSENT, 1),
    _player("000.00.00.H30", "UBND tỉnh Hà Tĩnh", Temper.ASLEEP, 2),
)
NOBODY: Final = NewAgency(code="000.00.00.H99", name="UBND tỉnh không có trong danh mục")
SENDERS: Final = tuple(each for each in PLAYERS if each.temper is Temper.DILIGENT)


def those_who(*tempers: Temper) -> tuple[Player, ...]:
    """Return the players of *tempers*."""
    return tuple(each for each in PLAYERS if each.temper in tempers)
