from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from threading import Event
from typing import overload

import pytest
from cryptography import x509

from hub.signature.path import NoPath, find_path
from tests.support.authority import AT, agency_signing_key, session_anchors

A_MOMENT = 0.2


class HaltingChain(Sequence[x509.Certificate]):
    """The certificates of a chain; whoever asks for them is kept waiting."""

    def __init__(self, certificates: Sequence[x509.Certificate]) -> None:
        self._certificates = tuple(certificates)
        self.is_asked = Event()
        self.goes_on = Event()

    def __len__(self) -> int:
        return len(self._certificates)

    @overload
    def __getitem__(self, index: int) -> x509.Certificate: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[x509.Certificate]: ...
    def __getitem__(self, index: int | slice) -> x509.Certificate | Sequence[x509.Certificate]:
        return self._certificates[index]

    def __iter__(self) -> Iterator[x509.Certificate]:
        self.is_asked.set()
        self.goes_on.wait(20)
        return iter(self._certificates)


def test_paths_are_looked_for_one_at_a_time() -> None:
    """The library below prepares its tables at their first use, and empties them to do so.

    A campaign saw a good certificate lead to no anchor, since two threads had begun at the same time.
    """
    key, anchors = agency_signing_key("H41"), session_anchors().certificates
    halting = HaltingChain(key.chain)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(find_path, key.certificate, halting, anchors, AT)
        assert halting.is_asked.wait(20)
        second = threads.submit(find_path, key.certificate, key.chain, anchors, AT)

        with pytest.raises(NotYet):
            second.result(A_MOMENT)

        halting.goes_on.set()
        assert not isinstance(first.result(20), NoPath)
        assert not isinstance(second.result(20), NoPath)
