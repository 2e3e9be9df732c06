"""Judges a whole file of evidence: what is broken, what is proved, and what remains open."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import pairwise
from typing import Final, TypeVar, assert_never

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import ocsp

from hub.evidence import chain, container, members, stamps
from hub.evidence.certificates import Revocation, path_of, ruling_on
from hub.evidence.container import Remark
from hub.evidence.lists import Status
from hub.evidence.members import SealedEvent
from hub.evidence.reading import Letter, Receipt, read_letter, read_overlay, read_receipts, same_agency
from hub.evidence.signed_xml import Signed, Unproved, verify

_Value = TypeVar("_Value")
_ACCEPTANCE: Final = "SubmissionAcceptance"
_ORGANIZATION: Final = x509.ObjectIdentifier("2.5.4.97")
_MANDATE: Final = re.compile(
    r"truc:signed-under-mandate; system=(?P<system>[!-:<-~]{1,80}); received-sha256=(?P<digest>[0-9a-f]{64})"
)
"""The role in which a gateway signs; a test holds it to the one that the axis reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whom the reader trusts: given by him, never taken from the file."""

    anchors: tuple[x509.Certificate, ...]
    hub: frozenset[bytes] = frozenset()
    """SHA-256 of the hub's certificates; empty where the reader does not know them."""
    stamps: tuple[x509.Certificate, ...] = ()
    """The anchors of time stamps; empty where the reader does not know any."""


@dataclass(slots=True)
class Judgement:
    """What a file of evidence proves; each remark names the member that it is about."""

    faults: list[Remark] = field(default_factory=list)
    """What is broken; the evidence holds where this is empty."""
    facts: list[Remark] = field(default_factory=list)
    """What is proved."""
    open: list[Remark] = field(default_factory=list)
    """What the file does not settle."""

    @property
    def holds(self) -> bool:
        """Whether nothing is broken and something is proved."""
        return not self.faults and bool(self.facts)


def judge(octets: bytes, trust: Trust) -> Judgement:
    """Judge the file *octets*; whatever is in it, the answer is a judgement and no exception."""
    found, faults = container.read(octets)
    judgement = Judgement(faults=faults)
    if found:
        _Case(found, trust, judgement).hear()
    return judgement


class _Case:
    """The members of one file, heard one after the other."""

    def __init__(self, found: Mapping[str, bytes], trust: Trust, judgement: Judgement) -> None:
        self._found = found
        self._trust = trust
        self._judgement = judgement
        self._others = list(self._load(members.CERTIFICATES, ".der", x509.load_der_x509_certificate))
        self._revocation = Revocation(
            crls=tuple(self._load(members.REVOCATION, ".crl", x509.load_der_x509_crl)),
            responses=tuple(self._load(members.REVOCATION, ".ocsp", ocsp.load_der_ocsp_response)),
        )
        self._recipients: list[str] = []
        self._received = _received(found.get(members.RECORD, b"{}"))
        self._digest = sha256(found[members.DOCUMENT]).digest() if members.DOCUMENT in found else None

    def hear(self) -> None:
        """Judge every member; receipts first, since they say when the document was accepted."""
        for name in sorted(self._found):
            if not members.is_known(name):
                self._fault(name, "không thuộc bằng chứng", "does not belong into evidence")
        receipts = [each for name, body in self._below(members.RECEIPTS) for each in self._sheet(name, body)]
        self._recipients = [recipient for each in receipts for recipient in each.recipients]
        if receipts and not self._trust.hub:
            self._open(
                members.RECEIPTS,
                "chưa cho biết chứng thư của trục: ai có chứng thư dưới các gốc này đều có thể đã ký",
                "nobody said which certificates are the hub's: any that leads to the anchors may have signed",
            )
        if not receipts:
            self._fault(members.RECEIPTS, "không có biên nhận nào", "there is no receipt")
        accepted = [each.issued_at for each in receipts if each.event == _ACCEPTANCE]
        document = self._document(min(accepted or [each.issued_at for each in receipts], default=None))
        for name, body in self._below(members.STATUSES):
            self._status(name, body, document)
        about = frozenset(each.message_id for each in receipts)
        for name, body in self._below(members.OVERLAYS):
            self._overlay(name, body, about)
        self._stamps()
        self._events()

    # ——— what was signed ———

    def _sheet(self, name: str, body: bytes) -> list[Receipt]:
        """Return the receipts about this document on a sheet; others of its sender may stand beside them."""
        try:
            signed = verify(body)
            told = read_receipts(signed.root)
            self._judge_signer(name, signed, min(each.issued_at for each in told))
            ours = self._ours(signed, told)
        except Unproved as why:
            self._fault(name, why.vi, why.en)
            return []
        for each in ours:
            to = ", ".join(each.recipients)
            why_not = f" ({each.failure})" if each.failure else ""
            told_in = f"{each.event}{why_not}, {each.issued_at.isoformat()}" + (f", {to}" if to else "")
            self._fact(name, f"trục xác nhận: {told_in}", f"the hub attests: {told_in}")
        return ours

    def _ours(self, signed: Signed, told: Sequence[Receipt]) -> list[Receipt]:
        self._judge_hub(signed)
        self._digest = self._digest or told[0].digest
        ours = [each for each in told if each.digest == self._digest]
        if not ours:
            raise Unproved("nói về văn bản khác", "is about another document")
        return ours

    def _document(self, at: datetime | None) -> Letter | None:
        name = members.DOCUMENT
        if name not in self._found:
            self._open(name, "không được lưu (bị từ chối)", "was not kept, since it was refused")
            return None
        letter = self._letter(name, self._found[name], at)
        if letter is not None:
            told = f"{letter.document_id} ({letter.sender})"
            self._fact(name, f"văn bản {told} đúng như đã ký", f"the document {told} is as it was signed")
        return letter

    def _status(self, name: str, body: bytes, document: Letter | None) -> None:
        letter = self._letter(name, body, self._received.get(name))
        if letter is None:
            return
        if letter.status is None or (document is not None and not self._is_about(document, letter)):
            self._fault(name, "nói về văn bản khác", "is about another document")
            return
        told = f"{letter.status}, {letter.sender}"
        self._fact(name, f"bên nhận xác nhận trạng thái: {told}", f"the recipient attests the status: {told}")

    def _overlay(self, name: str, body: bytes, about: frozenset[str]) -> None:
        """Judge a changed route, of a delivery of the message that the receipts are *about*."""
        try:
            signed = verify(body)
            overlay = read_overlay(signed.root, about)
            self._judge_signer(name, signed, overlay.at)
            self._judge_hub(signed)
        except Unproved as why:
            self._fault(name, why.vi, why.en)
            return
        told = f"{overlay.recipient}: {overlay.from_mailbox} → {overlay.to_mailbox}, {overlay.operator}"
        self._fact(name, f"trục xác nhận đổi tuyến: {told}", f"the hub attests a changed route: {told}")

    def _judge_hub(self, signed: Signed) -> None:
        if self._trust.hub and signed.certificate.fingerprint(SHA256()) not in self._trust.hub:
            raise Unproved("không do trục ký", "was not signed by the hub")

    def _letter(self, name: str, body: bytes, at: datetime | None) -> Letter | None:
        """Return the header of a document or status whose signature holds, by a certificate good *at*."""
        try:
            signed = verify(body)
            self._judge_signer(name, signed, at or signed.certificate.not_valid_before_utc)
            letter = read_letter(signed.root)
            self._judge_name(name, signed.certificate, letter.sender)
            self._tell_mandate(name, signed)
        except Unproved as why:
            self._fault(name, why.vi, why.en)
            return None
        return letter

    def _tell_mandate(self, name: str, signed: Signed) -> None:
        """Say where the signer is a gateway: the author's system could not sign, and the signer says so."""
        for role in signed.claimed_roles:
            if (found := _MANDATE.fullmatch(role)) is None:
                continue
            told = f"{found['system']}, SHA-256 {found['digest']}"
            self._fact(
                name,
                f"cổng ký thay, theo ủy quyền, cho hệ thống không tự ký được, từ tệp đã nhận: {told}",
                f"a gateway signed under mandate for a system that cannot sign, what it was handed: {told}",
            )

    def _is_about(self, document: Letter, status: Letter) -> bool:
        """Whether a party to *document* reports about it, to the other party."""
        parties = (document.sender, *self._recipients)
        return status.document_id == document.document_id and all(
            any(same_agency(named, party) for party in parties)
            for named in (status.sender, status.answered or "")
        )

    # ——— when it was signed ———

    def _stamps(self) -> None:
        """Judge every time stamp, over a list of digests in which receipts of this file have to stand."""
        halves = {name.rpartition(".")[0] for name, _ in self._below(members.STAMPS)}
        for each in sorted(halves):
            listed, token = self._found.get(f"{each}.txt"), self._found.get(f"{each}.tst")
            if listed is None or token is None:
                self._fault(
                    each, "thiếu danh sách hoặc dấu thời gian", "the list or its time stamp is missing"
                )
                continue
            try:
                self._stamp(f"{each}.tst", listed, token)
            except Unproved as why:
                self._fault(f"{each}.tst", why.vi, why.en)

    def _stamp(self, name: str, listed: bytes, token: bytes) -> None:
        stamped = [sheet for sheet, body in self._below(members.RECEIPTS) if stamps.lists(listed, body)]
        if sha256(listed).hexdigest() not in name or not stamped:
            raise Unproved("không nói về biên nhận nào ở đây", "is about no receipt in this file")
        if not self._trust.stamps:
            self._open(
                name,
                "chưa cho biết gốc tin cậy của dấu thời gian (--stamps)",
                "nobody said which anchors stand behind time stamps (--stamps)",
            )
            return
        try:
            at = stamps.instant_of(token, listed, self._trust.stamps).isoformat()
        except ImportError:
            self._open(name, "cần rfc3161-client để kiểm tra", "judging it needs rfc3161-client")
            return
        for sheet in stamped:
            self._fact(sheet, f"đã tồn tại lúc {at}, theo dấu thời gian", f"existed at {at}, by a time stamp")

    def _judge_name(self, name: str, certificate: x509.Certificate, sender: str) -> None:
        """Hold the agency that a certificate names against the one that is written."""
        named = [str(each.value) for each in certificate.subject.get_attributes_for_oid(_ORGANIZATION)]
        if not any(same_agency(each, sender) for each in named):
            self._open(
                name,
                f"chứng thư không ghi mã {sender}; sổ đăng ký của trục gắn hai bên với nhau",
                f"the certificate does not name {sender}; the registry of the axis bound the two",
            )

    def _judge_signer(self, name: str, signed: Signed, at: datetime) -> None:
        path = path_of(signed.certificate, [*signed.chain, *self._others], self._trust.anchors, at)
        subject = signed.certificate.subject.rfc4514_string()
        ruled, when = ruling_on(path, self._revocation, at), at.isoformat()
        if ruled.status is Status.REVOKED:
            revoked = ruled.certificate.subject.rfc4514_string()
            raise Unproved(
                f"chứng thư {revoked} đã bị thu hồi: {ruled.words}",
                f"the certificate {revoked} was revoked: {ruled.words}",
            )
        self._fact(name, f"ký bởi {subject}", f"signed by {subject}")
        match ruled.status:
            case Status.GOOD:
                self._fact(
                    name,
                    f"chứng thư chưa bị thu hồi lúc {when}: {ruled.words}",
                    f"its certificate was not revoked at {when}: {ruled.words}",
                )
            case Status.UNKNOWN if ruled.is_anything_there:
                self._open(
                    name,
                    f"dữ liệu thu hồi có trong tệp không nói về thời điểm {when}: {ruled.words}",
                    f"the revocation data that are there say nothing of {when}: {ruled.words}",
                )
            case Status.UNKNOWN:
                self._open(
                    name,
                    f"không có dữ liệu thu hồi của thời điểm {when}: {ruled.words}",
                    f"no revocation data of {when} are there: {ruled.words}",
                )
            case _:
                assert_never(ruled.status)

    # ——— what the axis recorded ———

    def _events(self) -> None:
        name = members.EVENTS
        try:
            events = members.read_events(self._found.get(name, b""))
        except ValueError as error:
            self._fault(name, "không đọc được", f"cannot be read ({error})")
            return
        sealed = sorted(
            (each for each in events if each.position is not None), key=lambda each: each.position or 0
        )
        broken = [each for each in sealed if not _is_linked(each)]
        broken += [after for before, after in pairwise(sealed) if not _follows(before, after)]
        for each in broken:
            what = f"event {each.row.event_id} ({each.row.name})"
            self._fault(name, f"{what} không khớp với dấu niêm phong", f"{what} does not fit its seal")
        if sealed and not broken:
            count = f"{len(sealed)}/{len(events)}"
            self._fact(name, f"{count} sự kiện khớp với dấu niêm phong", f"{count} events fit their seals")
            heads = "truc audit verify --head"
            self._open(
                name,
                f"việc các dấu này nằm trong nhật ký của trục: {heads}",
                f"whether these seals stand in the axis's log shows there: {heads}",
            )

    def _load(self, folder: str, suffix: str, load: Callable[[bytes], _Value]) -> Iterator[_Value]:
        for name, body in members.below(self._found, folder):
            if not name.endswith(suffix):
                continue
            if sha256(body).hexdigest() not in name:
                self._fault(name, "không đúng tên của nó", "is not what its name says")
            try:
                yield load(body)
            except ValueError:
                self._fault(name, "không đọc được", "cannot be read")

    def _below(self, folder: str) -> Iterator[tuple[str, bytes]]:
        return members.below(self._found, folder)

    def _fault(self, where: str, vi: str, en: str) -> None:
        self._judgement.faults.append(Remark(where=where, vi=vi, en=en))

    def _fact(self, where: str, vi: str, en: str) -> None:
        self._judgement.facts.append(Remark(where=where, vi=vi, en=en))

    def _open(self, where: str, vi: str, en: str) -> None:
        self._judgement.open.append(Remark(where=where, vi=vi, en=en))


def _is_linked(event: SealedEvent) -> bool:
    return event.before is not None and event.link == chain.link(
        event.before, chain.leaf(chain.canonical(event.row))
    )


def _follows(before: SealedEvent, after: SealedEvent) -> bool:
    if before.position is None or after.position is None or before.row.event_id >= after.row.event_id:
        return False
    distance = after.position - before.position
    return distance > 1 or (distance == 1 and after.before == before.link)


def _received(record: bytes) -> dict[str, datetime]:
    """Return when the axis says it received each status: what its certificate is judged at."""
    try:
        told = json.loads(record).get("received", {})
        return {str(name): datetime.fromisoformat(at) for name, at in told.items()}
    except (ValueError, AttributeError, TypeError):
        return {}
