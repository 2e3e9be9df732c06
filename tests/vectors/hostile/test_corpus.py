"""Everything that strangers may send is refused for its reason, and costs next to nothing."""

import json
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from functools import cache

import pytest

from hub.errors import RejectionCode
from hub.message.decision import Admit, Refuse
from tests.support.authority import AT, LIFETIME, SINCE
from tests.vectors.hostile import structure
from tests.vectors.hostile.build import entries
from tests.vectors.hostile.confinement import is_possible
from tests.vectors.hostile.examine import EDXML, Verdict
from tests.vectors.hostile.world import FILES, WORLD, directory, line, manifest, received

MOST_SECONDS = 5.0
MOST_MEGABYTES = 256.0
NO_SIGNATURE = RejectionCode.NO_SIGNATURE.value
confinable = pytest.mark.skipif(not is_possible(), reason="the filter is for Linux on x86-64 and ARM64")


def expected() -> Iterator[tuple[str, str]]:
    """Return the name of every vector, and the codes of its refusal."""
    for name, entry in manifest().items():
        yield name, entry["code"]
    for entry in tomllib.loads((EDXML / "vectors.toml").read_text(encoding="utf-8"))["vector"]:
        yield f"edxml-{entry['file']}", entry["code"] or NO_SIGNATURE
    for vector, code in structure.VECTORS:
        yield f"structure-{vector.__name__.replace('_', '-')}.xml", RejectionCode[code].value


@cache
def verdicts() -> dict[str, Verdict]:
    """Examine the whole corpus, once, in confinement."""
    told = subprocess.run(
        [sys.executable, "-m", "tests.vectors.hostile.examine"], check=True, capture_output=True, timeout=110
    )
    found = [json.loads(each) for each in told.stdout.splitlines()]
    return {each["name"]: Verdict(**{**each, "codes": tuple(each["codes"])}) for each in found}


def test_the_manifest_names_every_file_with_its_reason() -> None:
    assert {path.name for path in FILES.iterdir()} == set(manifest())
    assert all(entry["why"] for entry in manifest().values())


def test_the_corpus_is_what_the_generator_makes() -> None:
    made = {file: " ".join(RejectionCode[code].value for code in codes) for file, _, codes in entries()}

    assert made == {name: entry["code"] for name, entry in manifest().items()}


def test_no_private_key_is_kept() -> None:
    assert all(b"PRIVATE KEY" not in path.read_bytes() for path in WORLD.iterdir())


@confinable
def test_a_process_that_opens_a_file_is_killed() -> None:
    """Otherwise what follows would prove nothing."""
    assert verdicts()["control-opens-a-file"].death == signal.SIGSYS


@confinable
@pytest.mark.parametrize(("name", "codes"), list(expected()), ids=lambda value: str(value).partition(".")[0])
def test_a_vector_is_judged_for_its_reason_and_does_no_damage(name: str, codes: str) -> None:
    verdict = verdicts()[name]

    assert (verdict.death, " ".join(verdict.codes)) == (0, codes)
    assert verdict.seconds < MOST_SECONDS
    assert verdict.megabytes < MOST_MEGABYTES


def good() -> bytes:
    return (FILES / "accepted-pdf.xml").read_bytes()


def test_with_the_hubs_clock_far_ahead_a_certificate_has_expired() -> None:
    result = line().examine(received(good(), "G22", SINCE + LIFETIME + timedelta(days=1)), directory())

    assert isinstance(result, Refuse)
    assert result.violations[0].code is RejectionCode.CERTIFICATE_EXPIRED


def test_with_the_hubs_clock_far_behind_a_certificate_is_not_yet_valid() -> None:
    result = line().examine(received(good(), "G22", SINCE - timedelta(days=1)), directory())

    assert isinstance(result, Refuse)
    assert result.violations[0].code is RejectionCode.CERTIFICATE_NOT_YET_VALID


def test_a_real_document_replayed_through_another_mailbox_is_refused() -> None:
    result = line().examine(received(good(), "H14"), directory())

    assert isinstance(result, Refuse)
    assert result.violations[0].code is RejectionCode.NO_MANDATE


def test_the_same_document_through_its_own_mailbox_is_admitted() -> None:
    assert isinstance(line().examine(received(good(), "G22", AT), directory()), Admit)
