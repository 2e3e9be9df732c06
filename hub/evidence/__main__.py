"""`python -m hub.evidence FILE --anchors PEM [--hub PEM] [--stamps PEM]`: judges evidence, offline."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from hub.evidence.container import Remark
from hub.evidence.judge import Judgement, Trust, judge


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge one file; returns 0 where it holds, 1 where it does not, 2 where it cannot be looked at."""
    parser = argparse.ArgumentParser(
        prog="hub.evidence", description="Kiểm tra bằng chứng, không cần mạng / Check evidence, offline."
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--anchors", type=Path, action="append", required=True, metavar="PEM")
    parser.add_argument("--hub", type=Path, action="append", default=[], metavar="PEM")
    parser.add_argument("--stamps", type=Path, action="append", default=[], metavar="PEM")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    try:
        octets, trust = given.file.read_bytes(), read_trust(given.anchors, given.hub, given.stamps)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    judgement = judge(octets, trust)
    sys.stdout.write(as_json(judgement) if given.json else as_text(judgement))
    return 0 if judgement.holds else 1


def read_trust(anchors: Sequence[Path], hub: Sequence[Path], stamps: Sequence[Path] = ()) -> Trust:
    """Read the certificates that the reader trusts; raises `OSError` or `ValueError`."""
    return Trust(
        anchors=_certificates(anchors),
        hub=frozenset(each.fingerprint(SHA256()) for each in _certificates(hub)),
        stamps=_certificates(stamps),
    )


def as_text(judgement: Judgement) -> str:
    """Return *judgement* for people, in Vietnamese and English."""
    if judgement.holds:
        verdict = "BẰNG CHỨNG HỢP LỆ / THE EVIDENCE HOLDS"
    else:
        verdict = "BẰNG CHỨNG KHÔNG HỢP LỆ / THE EVIDENCE DOES NOT HOLD"
    parts = (
        ("bị hỏng / broken", judgement.faults),
        ("đã chứng minh / proved", judgement.facts),
        ("chưa rõ / open", judgement.open),
    )
    lines = [line for title, remarks in parts if remarks for line in (f"\n{title}:", *map(_line, remarks))]
    return "\n".join((verdict, *lines)) + "\n"


def as_json(judgement: Judgement) -> str:
    """Return *judgement* for programs."""

    def plain(remarks: Sequence[Remark]) -> list[dict[str, str]]:
        return [{"where": each.where, "vi": each.vi, "en": each.en} for each in remarks]

    answer = {
        "holds": judgement.holds,
        "broken": plain(judgement.faults),
        "proved": plain(judgement.facts),
        "open": plain(judgement.open),
    }
    return json.dumps(answer, ensure_ascii=False, indent=1) + "\n"


def _certificates(files: Sequence[Path]) -> tuple[x509.Certificate, ...]:
    return tuple(each for file in files for each in x509.load_pem_x509_certificates(file.read_bytes()))


def _line(remark: Remark) -> str:
    return f"  {remark.where}\n    {remark.vi}\n    {remark.en}"


if __name__ == "__main__":
    raise SystemExit(main())
