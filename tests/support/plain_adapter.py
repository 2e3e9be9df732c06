"""An adapter as a team writes it from the how-to, without a line of the hub or the kit.

Signatures by signxml, AMQP by aio-pika, memory by SQLite. It does what `docs/how-to/test-your-adapter.md`
asks for, and no more. `python -m tests.support.plain_adapter serve|send|effects SETTINGS.json`
"""

import asyncio
import hashlib
import json
import signal
import sqlite3
import sys
import uuid
from base64 import b64encode
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import aio_pika
from aio_pika.abc import AbstractIncomingMessage
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate, load_pem_x509_certificates
from lxml import etree
from signxml import CanonicalizationMethod, XMLSigner
from signxml.algorithms import SignatureMethod
from signxml.verifier import SignatureConfiguration, XMLVerifier

EDXML = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
DS = "http://www.w3.org/2000/09/xmldsig#"
RECEIPT = "urn:vn:truc:receipt:1.0"
VIETNAM = timezone(timedelta(hours=7))
TABLES = """
    PRAGMA journal_mode = wal;
    CREATE TABLE IF NOT EXISTS register (place INTEGER PRIMARY KEY, delivery_id TEXT NOT NULL UNIQUE);
    CREATE TABLE IF NOT EXISTS outgoing (place INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT,
        body BLOB, digest TEXT, about TEXT, is_confirmed INTEGER NOT NULL DEFAULT 0);
"""
HEAD = f"""<?xml version="1.0" encoding="UTF-8"?>
<edXML xmlns="{EDXML}"><edXMLEnvelope><edXMLHeader><MessageHeader>"""
STATUS = """<From><OrganId>{me}</OrganId></From><ResponseFor><OrganId>{sender}</OrganId><Code>{code}</Code>
<PromulgationDate>{date}</PromulgationDate><DocumentId>{document}</DocumentId></ResponseFor>
<StatusCode>01</StatusCode><Description>Đã đến</Description><Timestamp>{now}</Timestamp>
</MessageHeader></edXMLHeader></edXMLEnvelope></edXML>"""
DOCUMENT = """<From><OrganId>{me}</OrganId></From><To><OrganId>{to}</OrganId></To>
<DocumentId>{me},{date},{name}</DocumentId><Code><CodeNumber>9</CodeNumber><CodeNotation>UBND-VP</CodeNotation>
</Code><PromulgationInfo><Place>Huế</Place><PromulgationDate>{date}</PromulgationDate></PromulgationInfo>
<DocumentType><Type>2</Type><TypeDetail>0</TypeDetail><TypeName>Công văn</TypeName></DocumentType>
<Subject>V/v thử</Subject><SignerInfo><FullName>Lê Thử</FullName></SignerInfo>
<OtherInfo><Priority>0</Priority></OtherInfo><SteeringType>1</SteeringType></MessageHeader><TraceHeaderList>
<TraceHeader><OrganId>{me}</OrganId><Timestamp>{now}</Timestamp></TraceHeader><Bussiness>
<BussinessDocType>0</BussinessDocType><BussinessDocReason>Mới</BussinessDocReason><Paper>0</Paper></Bussiness>
</TraceHeaderList></edXMLHeader><edXMLBody><edXMLManifest version="1.0"><Reference>
<ContentId>cid:1</ContentId>
<ContentType>application/pdf</ContentType><Description>a.pdf</Description><AttachmentName>a.pdf</AttachmentName>
</Reference></edXMLManifest></edXMLBody></edXMLEnvelope><AttachmentEncoded><Attachment><ContentId>cid:1</ContentId>
<AttachmentName>a.pdf</AttachmentName><Description>a.pdf</Description><ContentType>application/pdf</ContentType>
<ContentTransferEncoded>{file}</ContentTransferEncoded></Attachment></AttachmentEncoded></edXML>"""
A_PDF = b64encode(
    b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n"
).decode()


AWAY = (*aio_pika.exceptions.CONNECTION_EXCEPTIONS, TimeoutError)


class Disbelief(Exception):
    """It is to be given back."""


class Adapter:
    def __init__(self, settings: Path) -> None:
        said = json.loads(settings.read_text("utf-8"))
        self.said: dict[str, Any] = said
        pem = Path(said["key"]["file"]).read_bytes()
        self.key = load_pem_private_key(pem, said["key"]["password"].encode())
        self.chain = load_pem_x509_certificates(pem)
        self.hub = load_pem_x509_certificate(Path(said["hub_certificate"]).read_bytes())
        self.books = sqlite3.connect(settings.with_name("plain.db"), isolation_level=None, timeout=30)
        self.books.executescript(TABLES)
        self.arrived: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()

    # ——— receiving ———

    async def serve(self) -> None:
        while True:
            with suppress(*AWAY, ExceptionGroup):
                await self.be_connected()
            await asyncio.sleep(0.5)

    async def be_connected(self) -> None:
        """Work until the connection ends; what was not acknowledged then comes again."""
        self.arrived = asyncio.Queue()
        async with await aio_pika.connect(self.said["broker"], timeout=10) as connection:
            reading = await connection.channel()
            await reading.set_qos(prefetch_count=20)
            queue = await reading.get_queue(self.said["read_from"], ensure=False)
            await queue.consume(self.arrived.put)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.handle_all())
                tasks.create_task(self.publish_all(await connection.channel(on_return_raises=True)))
                await connection.closed()
                raise ConnectionError

    async def handle_all(self) -> None:
        """Take one after the other: every lane is then in its order."""
        while True:
            message = await self.arrived.get()
            try:
                await asyncio.to_thread(self.believe, message)
                self.take(message)
            except Disbelief:
                await message.reject(requeue=False)
            else:
                await message.ack()

    def believe(self, message: AbstractIncomingMessage) -> None:
        """Raise `Disbelief` unless the whole body is signed by whom the axis names, and says what it says."""
        root = parsed(message.body)
        if message.type == "receipt":
            self.believe_receipt(root)
            return
        location = f"./{{{EDXML}}}edXMLEnvelope/{{{EDXML}}}edXMLHeader/"
        header = self.signed(root, location).find(f".//{{{EDXML}}}MessageHeader")
        if header is None or (header.find(f"{{{EDXML}}}StatusCode") is not None) != (
            message.type == "status"
        ):
            raise Disbelief("another kind")
        if text(header, "From/OrganId") != message.headers["x-sender"]:
            raise Disbelief("another sender")
        recipients = [each.text for each in header.iterfind(f"{{{EDXML}}}To/{{{EDXML}}}OrganId")]
        if message.type == "document" and message.headers["x-recipient"] not in recipients:
            raise Disbelief("for others")

    def believe_receipt(self, root: etree._Element) -> None:
        signed = self.signed(root, "./", by=self.hub)
        for receipt in signed.iter(f"{{{RECEIPT}}}Receipt"):
            name, mailbox = (receipt.findtext(f"{{{RECEIPT}}}{each}") for each in ("SubmissionId", "Mailbox"))
            known = sqlite3.connect(self.file, timeout=30).execute(
                "SELECT digest FROM outgoing WHERE name = ?", (name,)
            )
            digest = next(known, (None,))[0]
            if mailbox != self.said["user"] or digest not in {None, receipt.findtext(f"{{{RECEIPT}}}Digest")}:
                raise Disbelief("not about what we sent")

    @property
    def file(self) -> str:
        return str(Path(self.said["anchors"]).with_name("plain.db"))

    def signed(self, root: etree._Element, location: str, by: Any = None) -> etree._Element:  # noqa: ANN401
        """Return what the signature covers, which must be the whole."""
        whom = {"x509_cert": by} if by is not None else {"ca_pem_file": self.said["anchors"]}
        try:
            result = XMLVerifier().verify(
                root, expect_config=SignatureConfiguration(location=location), **whom
            )
        except Exception as error:
            raise Disbelief(str(error)) from error
        assert not isinstance(result, list)
        if result.signed_xml is None or result.signed_xml.tag != root.tag:
            raise Disbelief("a part is signed, not the whole")
        return result.signed_xml

    def take(self, message: AbstractIncomingMessage) -> None:
        """Enter the document and its answer in one commit; what was entered before is passed over."""
        if message.type != "document":
            return
        delivery = str(message.headers["x-delivery-id"])
        self.books.execute("BEGIN IMMEDIATE")
        fresh = self.books.execute(
            "INSERT INTO register (delivery_id) VALUES (?) ON CONFLICT DO NOTHING", (delivery,)
        ).rowcount
        if fresh:
            self.enter("status", self.arrival_of(message), about=delivery)
        self.books.execute("COMMIT")

    def arrival_of(self, message: AbstractIncomingMessage) -> bytes:
        header = parsed(message.body).find(f".//{{{EDXML}}}MessageHeader")
        number, notation = text(header, "Code/CodeNumber"), text(header, "Code/CodeNotation")
        return self.sign(
            STATUS.format(
                me=message.headers["x-recipient"],
                sender=text(header, "From/OrganId"),
                code=f"{number}/{notation}",
                date=text(header, "PromulgationInfo/PromulgationDate"),
                document=text(header, "DocumentId"),
                now=now(),
            )
        )

    # ——— sending ———

    def send(self) -> None:
        name = str(uuid.uuid4())
        self.enter(
            "document",
            self.sign(
                DOCUMENT.format(
                    me=self.said["agency"],
                    to=self.said["partner"],
                    date=now()[:10],
                    name=name,
                    now=now(),
                    file=A_PDF,
                )
            ),
        )

    def sign(self, rest: str) -> bytes:
        """Sign once: what is entered goes out in these bytes, however often."""
        root = etree.fromstring((HEAD + rest).encode())
        header = root.find(f".//{{{EDXML}}}edXMLHeader")
        assert header is not None
        etree.SubElement(header, f"{{{DS}}}Signature", Id="placeholder", nsmap={"ds": DS})
        signer = XMLSigner(
            signature_algorithm=SignatureMethod.RSA_SHA256,
            c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
        )
        return etree.tostring(
            signer.sign(root, key=self.key, cert=self.chain), xml_declaration=True, encoding="UTF-8"
        )

    def enter(self, kind: str, body: bytes, about: str | None = None) -> None:
        self.books.execute(
            "INSERT INTO outgoing (name, kind, body, digest, about) VALUES (?, ?, ?, ?, ?)",
            (str(uuid.uuid4()), kind, body, hashlib.sha256(body).hexdigest(), about),
        )

    async def publish_all(self, channel: aio_pika.abc.AbstractChannel) -> None:
        """Publish until confirmed, in the order of the books, under the names that stand there."""
        where = self.said["publish_to"]
        while True:
            for place, name, kind, body, about in self.books.execute(
                "SELECT place, name, kind, body, about FROM outgoing WHERE NOT is_confirmed ORDER BY place"
            ).fetchall():
                message = aio_pika.Message(
                    body,
                    content_type="application/xml",
                    delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                    type=kind,
                    correlation_id=name,
                    message_id=uuid.uuid4().hex,
                    user_id=self.said["user"],
                    headers={"x-delivery-id": about} if about else None,
                )
                exchange = await channel.get_exchange(where["exchange"], ensure=False)
                await exchange.publish(message, where["routing_key"], mandatory=True, timeout=30)
                self.books.execute("UPDATE outgoing SET is_confirmed = 1 WHERE place = ?", (place,))
            await asyncio.sleep(0.2)


def parsed(body: bytes) -> etree._Element:
    if b"<!DOCTYPE" in body:
        raise Disbelief("a DOCTYPE")
    try:
        return etree.fromstring(
            body, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
        )
    except etree.XMLSyntaxError as error:
        raise Disbelief(str(error)) from error


def text(header: etree._Element | None, path: str) -> str:
    assert header is not None
    return header.findtext("/".join(f"{{{EDXML}}}{each}" for each in path.split("/"))) or ""


def now() -> str:
    return f"{datetime.now(VIETNAM):%Y/%m/%d %H:%M:%S}"


def main(act: str, settings: str) -> None:
    adapter = Adapter(Path(settings))
    match act:
        case "serve":
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
            asyncio.run(adapter.serve())
        case "send":
            adapter.send()
        case _:
            for (delivery,) in adapter.books.execute("SELECT delivery_id FROM register ORDER BY place"):
                sys.stdout.write(f"{delivery}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
