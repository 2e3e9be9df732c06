"""A campaign's ledgers outlive the processes that write them."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from hub.message.edxml import StatusCode
from hub.message.identifiers import AgencyKey, DeliveryId
from tests.chaos.ledger import (
    Answered,
    Entry,
    Ledger,
    LedgerDamaged,
    ReceiptArrived,
    merged,
    read_ledger,
    read_ledgers,
)
from tests.support.receipts import a_failure, a_receipt, a_refusal

_WRITES_UNTIL_KILLED = """
import sys
from pathlib import Path
from tests.chaos.ledger import Disturbed, Ledger
ledger = Ledger(Path(sys.argv[1]))
for number in range(1_000_000):
    ledger.append(Disturbed(what=str(number), target="nobody"))
    print(number, flush=True)
"""


def an_answer(number: int = 1) -> Answered:
    return Answered(
        delivery_id=DeliveryId(UUID(int=number)),
        recipient=AgencyKey("G22"),
        code=StatusCode.ARRIVED,
        at=datetime(2026, 5, 30, 2, 15, 9 - number, tzinfo=UTC),
    )


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    entries: list[Entry] = [an_answer(), *map(ReceiptArrived.of, (a_receipt(), a_refusal(), a_failure()))]
    ledger = Ledger(tmp_path / "one.ledger")

    ledger.append(*entries)

    assert list(read_ledger(ledger.path)) == entries


def test_a_torn_last_line_is_left_out_and_cut_off_by_the_next_writer(tmp_path: Path) -> None:
    path = tmp_path / "one.ledger"
    Ledger(path).append(an_answer(1))
    with path.open("ab") as file:
        file.write(b'{"delivery_id":"0000')

    assert list(read_ledger(path)) == [an_answer(1)]


def test_a_restarted_writer_goes_on_behind_the_last_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "one.ledger"
    path.write_bytes(b'{"delivery_id":"0000')

    Ledger(path).append(an_answer(2))

    assert list(read_ledger(path)) == [an_answer(2)]


def test_a_damaged_line_in_the_middle_is_no_crash_and_is_told(tmp_path: Path) -> None:
    path = tmp_path / "one.ledger"
    path.write_bytes(b'{"kind":"answered"}\n')

    with pytest.raises(LedgerDamaged, match="line 1"):
        list(read_ledger(path))


def test_a_ledger_has_one_writer(tmp_path: Path) -> None:
    first = Ledger(tmp_path / "one.ledger")

    with pytest.raises(BlockingIOError):
        Ledger(first.path)


def test_what_a_killed_process_had_written_is_there(tmp_path: Path) -> None:
    path = tmp_path / "one.ledger"
    writer = subprocess.Popen([sys.executable, "-c", _WRITES_UNTIL_KILLED, path], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    last = next(line for line in writer.stdout if int(line) == 50)
    os.kill(writer.pid, signal.SIGKILL)
    rest = writer.communicate()[0].split()

    written = list(read_ledger(path))

    assert len(written) >= int((rest or [last])[-1]) + 1


def test_ledgers_of_a_folder_become_one_story(tmp_path: Path) -> None:
    for number in (2, 1):
        (tmp_path / f"agency-{number}").mkdir()
        Ledger(tmp_path / f"agency-{number}" / "a.ledger").append(an_answer(number))

    ledgers = read_ledgers(tmp_path)

    assert list(ledgers) == ["agency-1/a.ledger", "agency-2/a.ledger"]
    assert merged(ledgers.values()) == (an_answer(2), an_answer(1))
