"""A real object store that speaks S3: OpenStack Swift, four processes of its own, with one device."""

import hashlib
import hmac
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path

import httpx

from deploy.local.ports import free_ports
from hub.backends.blobs import BlobPlace

BUCKET = "bodies"
ACCESS, SECRET = "test:tester", "testing"
REGION = "us-east-1"
START_SECONDS = 40.0
STOP_SECONDS = 10.0
_KEEPERS = ("account", "container", "object")
_SWIFT = """
[swift-hash]
swift_hash_path_prefix = tests
swift_hash_path_suffix = tests
[storage-policy:0]
name = only
default = yes
"""
_COMMON = """
[DEFAULT]
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = {user}
log_udp_host = 127.0.0.1
log_udp_port = 9
"""
_KEEPER = "[pipeline:main]\npipeline = {name}-server\n[app:{name}-server]\nuse = egg:swift#{name}\n"
_PROXY = """
[pipeline:main]
pipeline = catch_errors cache listing_formats s3api tempauth slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:9
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
"""


@dataclass(slots=True, kw_only=True)
class S3Server:
    """Swift in a folder."""

    folder: Path
    ports: tuple[int, ...]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}"

    def place(self, prefix: str, *, secret: str = SECRET) -> BlobPlace:
        """Return a place of one's own in the bucket."""
        return BlobPlace(
            url=f"s3://{BUCKET}/{prefix}",
            endpoint=self.endpoint,
            region=REGION,
            access_key=ACCESS,
            secret_key=secret,
        )

    def make(self) -> None:
        """Write rings and configuration."""
        (self.folder / "devices" / "d1").mkdir(parents=True)
        (self.folder / "swift.conf").write_text(_SWIFT)
        for name, port in zip(_KEEPERS, self.ports[1:], strict=True):
            self._ring(name, port)
            self._configure(name, port, _KEEPER.format(name=name))
        self._configure("proxy", self.ports[0], _PROXY)

    def start(self, *names: str) -> None:
        """Start some of the processes."""
        for name in names:
            program = Path(sys.executable).with_name(f"swift-{name}-server")
            with (self.folder / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    [program, self.folder / f"{name}.conf", "-v"],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )

    def await_answer(self) -> None:
        """Return once the bucket is there."""
        deadline = time.monotonic() + START_SECONDS
        while not self._has_bucket():
            assert time.monotonic() < deadline, self._story()
            time.sleep(0.1)

    def stop(self, *names: str) -> None:
        """End some of the processes."""
        ending = [self.processes.pop(name) for name in names if name in self.processes]
        for each in ending:
            each.send_signal(signal.SIGKILL)
        for each in ending:
            each.wait(STOP_SECONDS)

    def _ring(self, name: str, port: int) -> None:
        builder = Path(sys.executable).with_name("swift-ring-builder")
        file = self.folder / f"{name}.builder"
        for words in (("create", "4", "1", "1"), ("add", f"r1z1-127.0.0.1:{port}/d1", "1"), ("rebalance",)):
            subprocess.run([builder, file, *words], check=True, capture_output=True)

    def _configure(self, name: str, port: int, rest: str) -> None:
        common = _COMMON.format(folder=self.folder, port=port, user=getuser())
        (self.folder / f"{name}.conf").write_text(common + rest)

    def _has_bucket(self) -> bool:
        try:
            return put_bucket(self.endpoint).status_code in {200, 409}
        except httpx.TransportError:
            return False

    def _story(self) -> str:
        logs = [file.read_text("utf-8", "replace")[-1500:] for file in sorted(self.folder.glob("*.log"))]
        return "the S3 server does not come up:\n" + "\n".join(logs)


def put_bucket(endpoint: str) -> httpx.Response:
    """Make the bucket (AWS Signature Version 4), which the library of the hub has no call for."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    empty, names = hashlib.sha256(b"").hexdigest(), "host;x-amz-content-sha256;x-amz-date"
    host = endpoint.removeprefix("http://")
    fields = f"host:{host}\nx-amz-content-sha256:{empty}\nx-amz-date:{stamp}\n"
    canonical = f"PUT\n/{BUCKET}\n\n{fields}\n{names}\n{empty}"
    scope = (stamp[:8], REGION, "s3", "aws4_request")
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{SECRET}".encode()
    for part in scope:
        key = hmac.new(key, part.encode(), "sha256").digest()
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{'/'.join(scope)}\n{hashed}"
    signature = hmac.new(key, text.encode(), "sha256").hexdigest()
    signed = f"Credential={ACCESS}/{'/'.join(scope)}, SignedHeaders={names}, Signature={signature}"
    headers = {
        "x-amz-date": stamp,
        "x-amz-content-sha256": empty,
        "Authorization": f"AWS4-HMAC-SHA256 {signed}",
    }
    return httpx.put(f"{endpoint}/{BUCKET}", headers=headers, timeout=10)


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    """Run an S3 server in *folder* until the block ends."""
    server = S3Server(folder=folder, ports=free_ports(4))
    server.make()
    try:
        server.start(*_KEEPERS, "proxy")
        server.await_answer()
        yield server
    finally:
        server.stop(*list(server.processes))
        shutil.rmtree(folder, ignore_errors=True)
