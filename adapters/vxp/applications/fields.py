"""What a system may write of an agency, in whichever call it does."""

from typing import Annotated, Final, TypeAlias

from pydantic import Field

_LINE: Final = r"^[^\x00-\x1f\x7f]*$"

Code: TypeAlias = Annotated[str, Field(pattern=r"^[0-9A-Za-z]+(\.[0-9A-Za-z]+)*$", max_length=35)]
Name: TypeAlias = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=500)]
Mail: TypeAlias = Annotated[str, Field(pattern=_LINE, max_length=200)]
Telephone: TypeAlias = Annotated[str, Field(pattern=_LINE, max_length=50)]
