"""Receive documents by webhook, each once, with nothing but Python's own library.

    WEBHOOK_SECRET=whsec_… python -m adapters.webhook.examples.receive_webhooks 8080 agency.db

Put it behind a server that speaks HTTPS. What has come before is answered as before, and written once.
"""

import base64
import hashlib
import hmac
import json
import os
import sqlite3
import sys
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer

SECRET = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))
TOLERANCE = 300
TABLE = "CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, type TEXT, body BLOB)"


def is_ours(headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the adapter signed this very body within the last minutes."""
    identity, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    signed = hmac.new(SECRET, f"{identity}.{stamp}.".encode() + body, hashlib.sha256).digest()
    expected = f"v1,{base64.b64encode(signed).decode()}".encode()
    signatures = headers.get("webhook-signature", "").encode().split()
    is_fresh = stamp.isdigit() and abs(time.time() - int(stamp)) < TOLERANCE
    return is_fresh and any(hmac.compare_digest(expected, each) for each in signatures)


class Receiver(BaseHTTPRequestHandler):
    """Answers 200 once the event is on disk: the sender of a document is then told 01."""

    def do_POST(self) -> None:
        """Take one event."""
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        is_believed = is_ours(headers, body)
        if is_believed:
            with sqlite3.connect(sys.argv[2]) as database:  # one transaction
                row = (headers["webhook-id"], json.loads(body)["type"], body)
                database.execute("INSERT OR IGNORE INTO events VALUES (?, ?, ?)", row)
        self.send_response(200 if is_believed else 401)
        self.send_header("content-length", "0")
        self.end_headers()


if __name__ == "__main__":
    with sqlite3.connect(sys.argv[2]) as made:
        made.execute(TABLE)
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
