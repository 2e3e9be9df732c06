"""Who plays: three connected agencies, one of them an LGSP with units behind it."""

from typing import Final

from adapters.kit.draft import Party
from hub.commands.local_axis import NewAgency

GOVERNMENT_OFFICE: Final = NewAgency(code="000.00.00.G22", name="Văn phòng Chính phủ")
NGHE_AN: Final = NewAgency(code="000.00.00.H41", name="UBND tỉnh Nghệ An", kind="lgsp")
NGHE_AN_DEPARTMENT: Final = NewAgency(
    code="H41.05", name="Sở Nội vụ tỉnh Nghệ An", parent="000.00.00.H41", is_connected=False
)
NGHE_AN_OFFICE: Final = NewAgency(
    code="H41.05.02", name="Chi cục Văn thư - Lưu trữ tỉnh Nghệ An", parent="H41.05", is_connected=False
)
CAO_BANG: Final = NewAgency(code="000.00.00.H14", name="UBND tỉnh Cao Bằng")

CAST: Final = (GOVERNMENT_OFFICE, NGHE_AN, NGHE_AN_DEPARTMENT, NGHE_AN_OFFICE, CAO_BANG)
CONNECTED: Final = tuple(each for each in CAST if each.is_connected)
NOBODY: Final = NewAgency(code="000.00.00.H99", name="UBND tỉnh không có trong danh mục")


def party(agency: NewAgency) -> Party:
    """Return how *agency* stands in a document's header."""
    return Party(code=agency.code, name=agency.name)
