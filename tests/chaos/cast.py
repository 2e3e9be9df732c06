"""Who takes part in a campaign: mailboxes with their units, their processes, and how each takes documents."""

from dataclasses import dataclass
from typing import Final, Literal

from hub.commands.local_axis import NewAgency

Handling = Literal["in the transaction", "idempotent"]
"""Effects in the journal's own transaction, or elsewhere under a key that is the delivery's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """One mailbox and the software behind it."""

    code: str
    name: str
    units: tuple[str, ...] = ()
    consumers: int = 1
    """Processes on its one journal."""
    handling: Handling = "in the transaction"
    rate: float = 0.0
    """Documents a second that its first process sends."""
    takes_documents: bool = True
    is_difficult: bool = False
    """Rejects, refuses, fails and dawdles now and then."""
    may_be_skewed: bool = False

    @property
    def speakers(self) -> tuple[str, ...]:
        """Codes in whose names it sends and receives."""
        return (self.code, *self.units)

    @property
    def processes(self) -> tuple[str, ...]:
        """Names of its processes."""
        return tuple(f"{self.code}-{number}" for number in range(1, self.consumers + 1))

    @property
    def agencies(self) -> tuple[NewAgency, ...]:
        """What has to be registered for it, parents before children."""
        kind: Literal["lgsp", "agency"] = "lgsp" if self.units else "agency"
        units = (
            NewAgency(code=unit, name=f"Đơn vị {unit}", parent=self.code, is_connected=False)
            for unit in self.units
        )
        return (NewAgency(code=self.code, name=self.name, kind=kind), *units)


CAST: Final = (
    Office(code="G22", name="Văn phòng thử lửa", rate=4.0),
    Office(
        code="H41",
        name="Nền tảng tích hợp thử lửa",
        units=("H41.01", "H41.02", "H41.03"),
        rate=4.0,
    ),
    Office(code="H29", name="Cơ quan hai tiến trình", consumers=2, rate=2.0),
    Office(code="H14", name="Cơ quan nhận lặp", consumers=2, handling="idempotent"),
    Office(code="K08", name="Cơ quan khó tính", is_difficult=True),
    Office(code="B05", name="Cơ quan lệch đồng hồ", rate=3.0, takes_documents=False, may_be_skewed=True),
)
"""What every campaign runs: an LGSP with units, both kinds of handler with two consumers, a difficult one."""


def recipients_for(office: Office) -> tuple[str, ...]:
    """Return the codes that *office* sends to: everybody else who takes documents."""
    return tuple(
        speaker
        for other in CAST
        if other.takes_documents and other.code != office.code
        for speaker in other.speakers
    )
