"""A server on the loopback address with a certificate of the test's choice; it hangs up at once."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread


@contextmanager
def listening(certificate: Path, *, clients_ca: Path | None = None) -> Iterator[int]:
    """Listen and give the port; with *clients_ca* for those only whom it has certified.

    In a thread: asyncio closes a connection whose handshake fails without the alert that says why.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=_serve, args=(listener, _context(certificate, clients_ca)))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def _serve(listener: socket.socket, tls: ssl.SSLContext) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, suppress(OSError), tls.wrap_socket(connection, server_side=True) as protected:
            protected.unwrap()


def _context(certificate: Path, clients_ca: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if clients_ca is not None:
        context.load_verify_locations(clients_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
