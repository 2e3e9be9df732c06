"""The X-Road style face in OpenAPI: parameters are headers, and everything is answered with HTTP 200."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, TypeAlias

from adapters.vxp.catalogue.calls import LARGEST_PAGE
from adapters.vxp.gateway import PacketKind, TransportStatus
from adapters.vxp.refusals import SENTENCES
from adapters.vxp.xroad.replies import CODES

Json: TypeAlias = dict[str, object]
PREFIX: Final = "XroadVnpt-"
TEXT: Final[Json] = {"type": "string"}
_COMMON: Final[Mapping[str, str]] = MappingProxyType(
    {
        "systemid": "Name of the calling system.",
        "timestamp": "`ddMMyyyy'T'HHmmss+SSSS`, local time; SSSS are milliseconds.",
        "sign-header-key": "Names of the signed parameters without their prefix, joined by `;`.",
        "sign-header": "Compact JSON of the signed headers, with their whole names.",
        "hash-header": "Hexadecimal HMAC-SHA256 with the system's secret over the octets of sign-header.",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A header of one call."""

    name: str
    says: str
    schema: Mapping[str, object] = field(default_factory=lambda: TEXT)
    is_required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call: what it takes and what it answers with beside the envelope."""

    name: str
    says: str
    parameters: tuple[Parameter, ...] = ()
    answer: Mapping[str, object] = field(default_factory=dict)
    """Properties beside status, ErrorCode and ErrorDesc."""
    body: Mapping[str, object] | None = None
    """By media type."""
    methods: tuple[str, ...] = ("post",)
    is_file: bool = False
    """Whether it answers with a file where it succeeds."""


def _one_of(words: Iterator[str]) -> Json:
    return {"type": "string", "enum": sorted(words)}


def _rows(**fields: object) -> Json:
    properties = {name: TEXT if schema is None else schema for name, schema in fields.items()}
    row = {"type": "object", "required": sorted(properties), "properties": properties}
    return {"data": {"type": "array", "items": row}}


_KINDS: Final = _one_of(each.value for each in PacketKind)
_STATUSES: Final = _one_of(each.value for each in TransportStatus)
_DOC_ID: Final = Parameter(name="docId", says="Name of the packet.", is_required=True)
_SERVICE: Final = Parameter(name="servicetype", says="`eDoc`.")
_KIND: Final = Parameter(name="messagetype", says="Documents or statuses.", schema=_KINDS)
_PERIOD: Final = tuple(
    Parameter(name=name, says="`yyyy/MM/dd`, with time where wanted; both days belong to the period.")
    for name in ("fromDate", "toDate")
)
_PAGE: Final = (
    Parameter(name="after", says="The code behind which to read: the `next` of the page before."),
    Parameter(
        name="limit",
        says="Answer with a page of so many.",
        schema={"type": "string", "pattern": "^[0-9]{1,4}$", "description": f"1 to {LARGEST_PAGE}"},
    ),
    Parameter(
        name="sinceVersion",
        says="Only what has changed since this `version` of an earlier page.",
        schema={"type": "string", "pattern": "^[0-9]{1,15}$"},
    ),
)
_AGENCY: Final[Mapping[str, object]] = MappingProxyType(dict.fromkeys(("id", "pid", "code", "name", "mail")))
_PAGED: Final[Mapping[str, object]] = MappingProxyType(
    {
        "version": {"type": "string", "description": "Of a page: that of the catalogue."},
        "next": {"type": "string", "description": "Of a page that is not the last."},
    }
)
_COUNT: Final[Mapping[str, object]] = MappingProxyType({"count": {"type": "integer"}})
_FILE: Final = {"type": "string", "format": "binary"}
_NEW_AGENCY: Final[Json] = {
    "type": "object",
    "required": ["code", "name", "pcode"],
    "properties": {
        "id": {"type": ["string", "null"]},
        "pcode": {"type": "string", "description": "Code of the agency above it."},
        "code": {"type": "string"},
        "name": {"type": "string"},
        "mail": {"type": ["string", "null"]},
        "mobile": {"type": ["string", "null"]},
        "fax": {"type": ["string", "null"]},
    },
}
CALLS: Final = (
    Call(
        name="getAgenciesList",
        says="Every agency that is open.",
        parameters=_PAGE,
        answer={**_rows(**_AGENCY), **_PAGED},
    ),
    Call(
        name="getAgenciesListQD20",
        says="Those that the registry knows by a code of QĐ 20/2020.",
        parameters=_PAGE,
        answer={**_rows(**_AGENCY), **_PAGED},
    ),
    Call(
        name="getSynchronizeUnit",
        says="Every agency, open and closed, and what the system has applied for and is not done yet.",
        parameters=_PAGE,
        answer={
            "data": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        **dict.fromkeys((*_AGENCY, "version", "centerCode", "modifyDate"), TEXT),
                        "deleted": {"type": "boolean"},
                        "isAgency": {"type": "boolean"},
                        "link": _one_of(iter(("REGISTERED", "PENDING", "NOT_EXIST"))),
                        "pAction": _one_of(iter(("CREATE", "MODIFY", "DELETE"))),
                        "valid": _one_of(iter(("VALID", "CONFLICT"))),
                    },
                },
            },
            **_PAGED,
        },
    ),
    Call(
        name="registerAgency",
        says="Apply for an agency below the system's own, or for another name of one.",
        body={"application/json": {"schema": _NEW_AGENCY}},
    ),
    Call(
        name="deleteAgency",
        says="Apply for an agency to be closed, or take back what was applied for.",
        parameters=(Parameter(name="AgencyCode", says="Its code.", is_required=True),),
    ),
    Call(
        name="sendEdoc",
        says="Take a document or status; on return it is safe, and goes out in the background.",
        parameters=(
            _SERVICE,
            Parameter(name="messagetype", says="What the file is.", schema=_KINDS, is_required=True),
            Parameter(name="from", says="Code of the sender.", is_required=True),
            Parameter(
                name="to",
                says="JSON array of codes; for a status the sender of the document.",
                is_required=True,
            ),
            Parameter(
                name="hash-file",
                says="SHA-256 of the file in hexadecimal; zeros of octets may be missing.",
                is_required=True,
            ),
        ),
        answer={"DocId": TEXT},
        body={
            "application/octet-stream": {"schema": _FILE},
            "multipart/form-data": {
                "schema": {"type": "object", "required": ["file_doc"], "properties": {"file_doc": _FILE}}
            },
        },
    ),
    Call(
        name="getReceivedEdocList",
        says="What lies here for the system and is not reported as `done` or `fail`, the oldest first.",
        parameters=(_SERVICE, _KIND, *_PERIOD),
        answer=_rows(
            docId=None,
            serviceType=None,
            messageType=_KINDS,
            created_time=None,
            updated_time=None,
            **dict.fromkeys(("from", "to")),
            status=_STATUSES,
            status_desc=None,
            contentSha256=None,
            contentLength={"type": "integer"},
        ),
    ),
    Call(
        name="getSentEdocList",
        says="What became of what the system sent, one row for each recipient.",
        parameters=(_SERVICE, Parameter(name="docId", says="Only this packet."), *_PERIOD),
        answer=_rows(
            **dict.fromkeys(
                ("senderDocId", "receiverDocId", "fromCode", "toCode", "title", "notation", "sentTime")
            ),
            receivedTime=None,
            sendStatus=_STATUSES,
            sendStatusDesc=None,
            receiveStatus=_STATUSES,
            receiveStatusDesc=None,
            serviceType=None,
            messageType=_KINDS,
        ),
    ),
    Call(
        name="getEdoc",
        says="A packet exactly as it was signed.",
        parameters=(_DOC_ID,),
        answer={"data": {"type": "string", "contentEncoding": "base64"}},
    ),
    Call(
        name="downloadEdoc",
        says="The same as a file.",
        parameters=(_DOC_ID,),
        methods=("get",),
        is_file=True,
    ),
    Call(
        name="updateStatus",
        says="Note how far the system is; `done` tells the sender that it has arrived.",
        parameters=(
            _DOC_ID,
            Parameter(
                name="status",
                says="How far.",
                schema=_one_of(iter(("done", "fail", "processing"))),
                is_required=True,
            ),
            Parameter(name="description", says="Why, where it failed."),
        ),
    ),
    Call(
        name="countReceiveEdoc",
        says="How many documents lie here.",
        answer=_COUNT,
        methods=("get", "post"),
    ),
    Call(
        name="countReceiveStatus",
        says="How many statuses lie here.",
        answer=_COUNT,
        methods=("get", "post"),
    ),
)


def paths() -> Json:
    """Return the calls by their paths."""
    return {f"/{call.name}": {method: _operation(call, method) for method in call.methods} for call in CALLS}


def schemas() -> Json:
    """Return what the calls refer to."""
    envelope = {"type": "object", "required": ["status", "ErrorCode", "ErrorDesc"]}
    return {
        "XroadDone": {
            **envelope,
            "properties": {
                "status": {"const": "OK"},
                "ErrorCode": {"const": "0"},
                "ErrorDesc": {"const": "Thanh cong"},
            },
        },
        "XroadRefused": {
            **envelope,
            "additionalProperties": False,
            "properties": {
                "status": {"const": "FAIL"},
                "ErrorCode": {"type": "string", "enum": sorted(CODES.values(), key=int)},
                "ErrorDesc": {"type": "string", "description": "Vietnamese without marks, then English."},
            },
        },
    }


def headers() -> Json:
    """Return the headers that every call has."""
    return {
        name: {
            "name": f"{PREFIX}{name}",
            "in": "header",
            "required": True,
            "description": says,
            "schema": TEXT,
        }
        for name, says in _COMMON.items()
    }


def table_of_codes() -> str:
    """Return `ErrorCode` of every reason as a table."""
    rows = [
        f"| {CODES[reason]} | {SENTENCES[reason].vi} | {SENTENCES[reason].en} |"
        for reason in sorted(CODES, key=lambda each: int(CODES[each]))
    ]
    return "\n".join(("| ErrorCode | ErrorDesc | means |", "| --- | --- | --- |", *rows))


def _operation(call: Call, method: str) -> Json:
    shared = [{"$ref": f"#/components/parameters/{name}"} for name in _COMMON]
    own = [
        {
            "name": f"{PREFIX}{each.name}",
            "in": "header",
            "required": each.is_required,
            "description": each.says,
            "schema": each.schema,
        }
        for each in call.parameters
    ]
    operation: Json = {
        "operationId": call.name if len(call.methods) == 1 else f"{call.name}-{method}",
        "summary": call.says,
        "tags": ["xroad"],
        "parameters": [*shared, *own],
        "responses": {
            "200": {"description": "Done, or refused: `status` says which.", "content": _answer(call)}
        },
    }
    if call.body is not None:
        operation["requestBody"] = {"required": True, "content": dict(call.body)}
    return operation


def _answer(call: Call) -> Json:
    refused = {"$ref": "#/components/schemas/XroadRefused"}
    if call.is_file:
        return {"application/octet-stream": {"schema": _FILE}, "application/json": {"schema": refused}}
    done: Json = {"$ref": "#/components/schemas/XroadDone"}
    if call.answer:
        required = sorted(name for name in call.answer if name not in _PAGED)
        own = {"type": "object", "required": required, "properties": dict(call.answer)}
        done = {"allOf": [done, own]}
    return {"application/json": {"schema": {"oneOf": [done, refused]}}}
