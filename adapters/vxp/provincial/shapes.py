"""What goes over the wire of this face."""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from adapters.vxp.applications.fields import Code, Mail, Name, Telephone

Kind: TypeAlias = Literal["edoc", "status"]
Transport: TypeAlias = Literal["initial", "processing", "done", "fail"]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True)


class Success(_Answer):
    """What every answer says where something was done."""

    success: Literal[True] = True
    code: Literal[0] = 0
    message: str = "Thanh cong"


class Token(_Answer):
    """What to show with every further call."""

    token: str = Field(description="For `Authorization: Bearer`.")
    token_type: Literal["Bearer"] = Field(default="Bearer", alias="tokenType")
    expires_in: int = Field(alias="expiresIn", description="Seconds.")


class LoggedIn(Success):
    """The answer to a login."""

    data: Token


class Sent(Success):
    """The answer to a packet that is safe with the gateway."""

    doc_id: str = Field(alias="docId")


class ReceivedRow(_Answer):
    """A packet that lies here for the system."""

    service_type: Literal["eDoc"] = Field(default="eDoc", alias="serviceType")
    created_time: str = Field(alias="createdTime", examples=["2026/11/22 16:00:02"])
    updated_time: str = Field(alias="updatedTime")
    message_type: Kind = Field(alias="messageType")
    doc_id: str = Field(alias="docId")
    sender: str = Field(alias="from")
    recipient: str = Field(alias="to")
    status: Transport
    status_desc: str = Field(alias="statusDesc")


class ReceivedList(Success):
    """What lies here for the system and is not reported yet, the oldest first."""

    count: int
    data: list[ReceivedRow]


class Unpacked(_Answer):
    """An attachment, as its sender had it."""

    file_name: str = Field(alias="fileName")
    file_content: str = Field(alias="fileContent", description="Base64.")


class Edoc(Success):
    """A packet with its attachments unpacked."""

    doc_id: str = Field(alias="docId")
    sender: str = Field(alias="from")
    sender_name: str = Field(alias="fromName")
    edoc_code: str = Field(alias="edocCode", description="Number and notation; empty for a status.")
    edoc_abstract: str = Field(alias="edocAbstract", description="Subject, or the description of a status.")
    edxml: str = Field(description="Base64 of the file, exactly as it was signed.")
    attachments: list[Unpacked]


class AgencyRow(_Answer):
    """An agency that is open."""

    id: str
    pid: str = Field(description="The `id` of the agency above it; `0` where there is none.")
    code: str
    name: str
    mail: str


class AgencyList(Success):
    """Every agency that is open."""

    data: list[AgencyRow]
    count: int


class Login(BaseModel):
    """Who wants to come in; what else the software of the province sends is read by nobody."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)

    username: Annotated[str, Field(min_length=1, max_length=100)]
    password: Annotated[str, Field(min_length=1, max_length=256)]


class StatusReport(BaseModel):
    """How far the system is with a packet."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    doc_id: Annotated[str, Field(alias="docId", min_length=1, max_length=100)]
    status: Literal["processing", "done", "fail"]
    description: Annotated[str, Field(max_length=1000)] = ""


class NewAgency(BaseModel):
    """An agency to be entered in the registry, below the system's own."""

    model_config = ConfigDict(frozen=True)

    code: Code
    name: Name
    pcode: Code
    mail: Mail = ""
    mobile: Telephone = ""
    fax: Telephone = ""
