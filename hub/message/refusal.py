"""The sentences in which the hub refuses, in Vietnamese and English, one pair for each code."""

import re
from collections.abc import Sequence
from types import MappingProxyType
from typing import NamedTuple

from hub.errors import (
    ConflictingDuplicate,
    MalformedMessage,
    MessageRejected,
    NotAuthorized,
    RejectionCode,
    SchemaViolation,
    SignatureRejected,
    UnknownRecipient,
    Violation,
)


class Sentence(NamedTuple):
    """What a refusal says; `{placeholders}` name the offending values, never the payload."""

    vi: str
    en: str


_CODE = RejectionCode

SENTENCES: MappingProxyType[RejectionCode, Sentence] = MappingProxyType(
    {
        _CODE.EMPTY_MESSAGE: Sentence(
            "Gói tin rỗng; hãy gửi lại toàn bộ phong bì edXML.",
            "The message has no body; send the whole edXML envelope.",
        ),
        _CODE.MESSAGE_TOO_LARGE: Sentence(
            "Gói tin dài {size} byte, vượt giới hạn {limit} byte; hãy giảm dung lượng tệp đính kèm.",
            "The message has {size} bytes, more than the limit of {limit}; send smaller attachments.",
        ),
        _CODE.NOT_WELL_FORMED: Sentence(
            "Gói tin không phải XML hợp lệ (dòng {line}, cột {column}); hãy kiểm tra phần mềm tạo edXML.",
            "The message is not well-formed XML (line {line}, column {column}); check what wrote it.",
        ),
        _CODE.FORBIDDEN_XML: Sentence(
            "Gói tin chứa {what_vi}, không được phép trên trục; hãy bỏ phần này và ký lại.",
            "The message contains {what_en}, which the axis does not allow; remove it and sign again.",
        ),
        _CODE.NOT_AN_ENVELOPE: Sentence(
            "Phần tử gốc là {root}, không phải edXML của QCVN 102:2016; hãy kiểm tra tên và không gian tên.",
            "The root element is {root}, not edXML of QCVN 102:2016; check its name and namespace.",
        ),
        _CODE.TOO_COMPLEX: Sentence(
            "Cấu trúc XML quá phức tạp ({what_vi}); hãy gửi đúng cấu trúc của QCVN 102:2016.",
            "The XML is too complex ({what_en}); send the structure of QCVN 102:2016.",
        ),
        _CODE.WRONG_ENCODING: Sentence(
            "Gói tin không mã hóa bằng UTF-8; hãy ghi lại bằng UTF-8 và ký lại.",
            "The message is not encoded in UTF-8; write it in UTF-8 and sign again.",
        ),
        _CODE.WRONG_CLAIM: Sentence(
            "Phiếu gửi nội dung lớn không đúng: {reason_vi}; hãy lập lại phiếu từ chính phong bì đã gửi lên.",
            "The claim check is wrong: {reason_en}; write it anew from the very envelope that was uploaded.",
        ),
        _CODE.BODY_NOT_CHECKED_IN: Sentence(
            "Hộp thư {mailbox} chưa gửi lên đủ nội dung có SHA-256 {digest}; hãy gửi lên rồi nộp lại phiếu.",
            "{mailbox} has not checked in the body with SHA-256 {digest}; upload it, then submit again.",
        ),
        _CODE.NO_SIGNATURE: Sentence(
            "Gói tin chưa được ký số; hãy ký toàn bộ phong bì edXML bằng khóa của cơ quan.",
            "The message is not signed; sign the whole edXML envelope with the agency's key.",
        ),
        _CODE.FORBIDDEN_ALGORITHM: Sentence(
            "Thuật toán {algorithm} không được chấp nhận; hãy dùng RSA hoặc ECDSA với SHA-256 trở lên.",
            "The algorithm {algorithm} is not accepted; use RSA or ECDSA with SHA-256 or better.",
        ),
        _CODE.HASH_FAILURE: Sentence(
            "Nội dung gói tin đã thay đổi sau khi ký; hãy gửi lại bản gốc đã ký.",
            "The content was changed after it was signed; send the signed original again.",
        ),
        _CODE.SIG_CRYPTO_FAILURE: Sentence(
            "Giá trị chữ ký không khớp với chứng thư số kèm theo; hãy ký lại.",
            "The signature value does not match the enclosed certificate; sign again.",
        ),
        _CODE.SIGNATURE_FORMAT_FAILURE: Sentence(
            "Chữ ký không đúng hồ sơ kỹ thuật của trục: {reason_vi}; hãy ký lại toàn bộ phong bì.",
            "The signature does not follow the axis's profile: {reason_en}; sign the whole envelope again.",
        ),
        _CODE.NO_SIGNING_CERTIFICATE: Sentence(
            "Chữ ký không kèm chứng thư số đọc được; hãy đưa chứng thư vào X509Data.",
            "The signature carries no readable certificate; put it into X509Data.",
        ),
        _CODE.NO_CERTIFICATE_CHAIN: Sentence(
            "Chứng thư {subject} không do tổ chức được trục tin cậy cấp; hãy dùng chứng thư được công nhận.",
            "The certificate {subject} leads to no anchor that the axis trusts; use a recognised one.",
        ),
        _CODE.CERTIFICATE_EXPIRED: Sentence(
            "Chứng thư {subject} đã hết hạn từ {at}; hãy ký lại bằng chứng thư còn hiệu lực.",
            "The certificate {subject} expired at {at}; sign again with a valid one.",
        ),
        _CODE.CERTIFICATE_NOT_YET_VALID: Sentence(
            "Chứng thư {subject} chỉ có hiệu lực từ {at}; hãy ký lại bằng chứng thư đang có hiệu lực.",
            "The certificate {subject} is valid only from {at}; sign again with a valid one.",
        ),
        _CODE.CERTIFICATE_REVOKED: Sentence(
            "Chứng thư {subject} đã bị thu hồi; hãy ký lại bằng chứng thư khác.",
            "The certificate {subject} has been revoked; sign again with another one.",
        ),
        _CODE.CERTIFICATE_NOT_REGISTERED: Sentence(
            "Chứng thư {subject} chưa được đăng ký trên trục; hãy đăng ký trước khi gửi.",
            "The certificate {subject} is not registered with the axis; register it before sending.",
        ),
        _CODE.CERTIFICATE_OF_ANOTHER_AGENCY: Sentence(
            "Chứng thư {subject} không thuộc cơ quan gửi {sender}; hãy ký bằng khóa của cơ quan gửi.",
            "The certificate {subject} does not belong to {sender}; sign with the sender's own key.",
        ),
        _CODE.CERTIFICATE_CONSTRAINTS: Sentence(
            "Chứng thư {subject} không được phép dùng để ký: {reason_vi}.",
            "The certificate {subject} may not be used for signing: {reason_en}.",
        ),
        _CODE.WEAK_KEY: Sentence(
            "Khóa {key} quá yếu; hãy dùng RSA từ 2048 bit hoặc ECDSA P-256/P-384.",
            "The key {key} is too weak; use RSA of 2048 bits or more, or ECDSA P-256 or P-384.",
        ),
        _CODE.SIGNATURE_MISPLACED: Sentence(
            "Chữ ký không đứng đúng chỗ duy nhất của nó: {reason_vi}; hãy ký lại toàn bộ phong bì.",
            "The signature does not stand at its one place: {reason_en}; sign the whole envelope again.",
        ),
        _CODE.FORBIDDEN_REFERENCE: Sentence(
            'Chữ ký trỏ tới {uri}, không phải toàn bộ tài liệu (URI=""); hãy ký toàn bộ phong bì.',
            'The signature refers to {uri} and not to the whole document (URI=""); sign the whole envelope.',
        ),
        _CODE.FORBIDDEN_TRANSFORM: Sentence(
            "Không chấp nhận phép biến đổi {algorithm}; chỉ dùng enveloped-signature rồi exclusive C14N.",
            "The transform {algorithm} is not accepted; use enveloped-signature, then exclusive C14N.",
        ),
        _CODE.CONTENT_NOT_COVERED: Sentence(
            "Gói tin có phần mà chữ ký không bao phủ: {reason_vi}; hãy bỏ phần này và ký lại.",
            "The document holds what no signature covers: {reason_en}; remove it and sign again.",
        ),
        _CODE.DUPLICATE_ID: Sentence(
            "Định danh Id {id} được dùng nhiều lần; mỗi Id chỉ được dùng một lần.",
            "The Id {id} is used more than once; use each Id once.",
        ),
        _CODE.SIGNING_CERTIFICATE_MISMATCH: Sentence(
            "SigningCertificateV2 không nêu chứng thư đã ký; hãy ký lại bằng phần mềm XAdES đúng chuẩn.",
            "SigningCertificateV2 does not name the certificate that signed; sign again with proper XAdES.",
        ),
        _CODE.SIGNING_TIME_IMPLAUSIBLE: Sentence(
            "Thời điểm ký {at} {reason_vi}; hãy chỉnh đồng hồ máy ký và ký lại.",
            "The signing time {at} {reason_en}; set the signer's clock and sign again.",
        ),
        _CODE.TIMESTAMP_INVALID: Sentence(
            "Dấu thời gian của chữ ký không hợp lệ: {reason_vi}; hãy lấy dấu thời gian khác.",
            "The time stamp of the signature does not hold: {reason_en}; fetch another one.",
        ),
        _CODE.CERTIFICATE_RETIRED: Sentence(
            "Chứng thư {subject} đã ngừng dùng trên trục từ {at}; hãy ký lại bằng chứng thư đang dùng.",
            "The certificate {subject} was retired from the axis at {at}; sign again with the one in use.",
        ),
        _CODE.REVOCATION_UNKNOWN: Sentence(
            "Chưa biết chứng thư {subject} có bị thu hồi hay không; hãy gửi lại sau.",
            "Whether the certificate {subject} is revoked is not known at present; send again later.",
        ),
        _CODE.SCHEMA_VIOLATION: Sentence(
            "Không đúng cấu trúc QCVN 102:2016 tại {path}: {reason_vi}",
            "Not the structure of QCVN 102:2016 at {path}: {reason_en}",
        ),
        _CODE.NO_RECIPIENT: Sentence(
            "Văn bản không có nơi nhận; hãy ghi ít nhất một phần tử To.",
            "The document has no recipient; give at least one To element.",
        ),
        _CODE.DUPLICATE_RECIPIENT: Sentence(
            "Nơi nhận {recipient} được ghi nhiều lần; mỗi nơi nhận chỉ ghi một lần.",
            "The recipient {recipient} is named more than once; name each recipient once.",
        ),
        _CODE.NO_ATTACHMENT: Sentence(
            "Văn bản mới phải có ít nhất một tệp đính kèm.",
            "A new document must have at least one attachment.",
        ),
        _CODE.ATTACHMENT_MISSING: Sentence(
            "Tệp {content_id} có trong danh mục nhưng không có trong gói tin; hãy đính kèm tệp.",
            "The manifest names {content_id}, but no such attachment is enclosed; enclose it.",
        ),
        _CODE.ATTACHMENT_NOT_IN_MANIFEST: Sentence(
            "Tệp đính kèm {content_id} không có trong danh mục; hãy bổ sung vào edXMLManifest.",
            "The attachment {content_id} is not in the manifest; add it to edXMLManifest.",
        ),
        _CODE.ATTACHMENT_NOT_BASE64: Sentence(
            "Tệp đính kèm {content_id} không phải base64 hợp lệ; hãy mã hóa lại.",
            "The attachment {content_id} is not valid base64; encode it again.",
        ),
        _CODE.ATTACHMENT_TOO_LARGE: Sentence(
            "Tệp đính kèm {content_id} dài {size} byte, vượt giới hạn {limit} byte.",
            "The attachment {content_id} has {size} bytes, more than the limit of {limit}.",
        ),
        _CODE.ATTACHMENT_EMPTY: Sentence(
            "Tệp đính kèm {content_id} rỗng; hãy đính kèm đúng tệp.",
            "The attachment {content_id} is empty; enclose the right file.",
        ),
        _CODE.DUPLICATE_CONTENT_ID: Sentence(
            "ContentId {content_id} được dùng nhiều lần; mỗi tệp cần một ContentId riêng.",
            "The ContentId {content_id} is used more than once; give each attachment its own.",
        ),
        _CODE.STATE_SECRET: Sentence(
            "Văn bản có độ mật {level}; trục không dùng cho văn bản bí mật nhà nước (QĐ 28/2018, Điều 1.2).",
            "The document is marked {level}; the axis is not for state secrets (QĐ 28/2018, Art. 1.2).",
        ),
        _CODE.UNKNOWN_STATUS_CODE: Sentence(
            "Mã trạng thái {status} không có trong danh mục (01–06, 13, 15, 16).",
            "The status code {status} is not in the list (01–06, 13, 15, 16).",
        ),
        _CODE.TOO_MANY_RECIPIENTS: Sentence(
            "Văn bản có {count} nơi nhận, vượt giới hạn {limit}; hãy chia thành nhiều lần gửi.",
            "The document has {count} recipients, more than the limit of {limit}; split it.",
        ),
        _CODE.FORBIDDEN_FILE: Sentence(
            "Tệp {content_id} là hoặc chứa chương trình ({what}); trục không chuyển chương trình.",
            "The attachment {content_id} is or holds a program ({what}); the axis carries none.",
        ),
        _CODE.UNSAFE_FILE_NAME: Sentence(
            "Tên tệp của {content_id} không an toàn: {reason_vi}; hãy đặt lại tên tệp.",
            "The file name of {content_id} is not safe: {reason_en}; give the file another name.",
        ),
        _CODE.ARCHIVE_BOMB: Sentence(
            "Tệp nén {content_id} không giải nén an toàn được: {reason_vi}; hãy nén lại bằng công cụ khác.",
            "The archive {content_id} cannot be unpacked safely: {reason_en}; pack it with a usual tool.",
        ),
        _CODE.NESTED_ARCHIVE: Sentence(
            "Tệp nén {content_id} lồng nhau quá {limit} lớp; hãy giải nén các lớp bên trong.",
            "The archive {content_id} is nested more than {limit} deep; unpack the inner ones.",
        ),
        _CODE.NOT_VOUCHED_FOR: Sentence(
            "Không xác định được người dùng đã gửi gói tin; hãy đặt user_id khi gửi.",
            "Nobody vouches for this message; publish with user_id set.",
        ),
        _CODE.NO_MANDATE: Sentence(
            "Kết nối {mailbox} không được gửi thay cho {sender}; hãy kiểm tra ủy quyền.",
            "The connection {mailbox} may not speak for {sender}; check its mandate.",
        ),
        _CODE.UNKNOWN_SENDER: Sentence(
            "Mã cơ quan gửi {sender} không có trong danh mục; hãy kiểm tra From/OrganId.",
            "The sender {sender} is not in the registry; check From/OrganId.",
        ),
        _CODE.SENDER_CLOSED: Sentence(
            "Mã cơ quan gửi {sender} đã đóng{hint_vi}.",
            "The sender {sender} has been closed{hint_en}.",
        ),
        _CODE.NO_SUCH_DELIVERY: Sentence(
            "Không có văn bản {document_id} giữa {sender} và {other}; hãy kiểm tra ResponseFor.",
            "There is no delivery of {document_id} between {sender} and {other}; check ResponseFor.",
        ),
        _CODE.SUBMISSION_ID_REUSED: Sentence(
            "Mã lần gửi {submission_id} đã dùng cho nội dung khác; hãy dùng mã mới.",
            "The submission id {submission_id} was used for other content; use a new one.",
        ),
        _CODE.DOCUMENT_ID_REUSED: Sentence(
            "Mã văn bản {document_id} đã gửi với nội dung khác; hãy dùng nghiệp vụ cập nhật hoặc thay thế.",
            "The document id {document_id} was sent with other content; send an update or a replacement.",
        ),
        _CODE.UNKNOWN_RECIPIENT: Sentence(
            "Nơi nhận {recipient} không có trong danh mục; hãy kiểm tra mã định danh.",
            "The recipient {recipient} is not in the registry; check its code.",
        ),
        _CODE.RECIPIENT_CLOSED: Sentence(
            "Mã nơi nhận {recipient} đã đóng{hint_vi}.",
            "The recipient {recipient} has been closed{hint_en}.",
        ),
        _CODE.RECIPIENT_NOT_CONNECTED: Sentence(
            "Nơi nhận {recipient} chưa được kết nối vào trục qua hộp thư nào.",
            "The recipient {recipient} is reached through no connected mailbox.",
        ),
    }
)


_LONGEST_VALUE = 300
_LONGEST_PATH = 500
_UNPRINTABLE = re.compile(
    r"[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
"""What XML, a log line or a terminal could stumble over, bidirectional overrides among it."""


def violation(code: RejectionCode, *, path: str, rule: str, **values: object) -> Violation:
    """Return the violation of *rule* at *path* with its sentences filled in from *values*.

    What a stranger wrote goes in shortened, without anything that XML or a log could stumble over.
    """
    path = presentable(path, longest=_LONGEST_PATH)
    filled = {name: presentable(str(value), longest=_LONGEST_VALUE) for name, value in values.items()}
    sentence = SENTENCES[code]
    vi, en = (text.format(path=path, **filled) for text in sentence)
    return Violation(code=code, path=path, rule=rule, vi=vi, en=en)


def presentable(text: str, *, longest: int) -> str:
    """Return *text* fit for a sentence: printable, one line, at most *longest* characters."""
    line = " ".join(_UNPRINTABLE.sub(" ", text[: 4 * longest]).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


_CLASS_OF = MappingProxyType(
    {
        "1": MalformedMessage,
        "2": SignatureRejected,
        "3": SchemaViolation,
        "4": NotAuthorized,
        "5": ConflictingDuplicate,
        "6": UnknownRecipient,
    }
)


def rejection_of(violations: Sequence[Violation]) -> MessageRejected:
    """Return the refusal for *violations*, of the narrowest class that the first one's code names."""
    return _CLASS_OF[violations[0].code.removeprefix("HUB-")[0]](violations)
