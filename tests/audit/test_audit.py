"""The checks that look for vulnerable packages and for secrets find what there is to find."""

import json
from pathlib import Path

import pytest

from tests.audit.dependencies import LOCK, pinned, read
from tests.audit.leaks import leaks_in

ADVISORY = {"id": "PYSEC-0000-1", "fix_versions": ["2.0"], "aliases": [], "description": "bad"}


def answer(**package: object) -> str:
    return json.dumps({"dependencies": [{"name": "demo", "version": "1.0", **package}]})


def test_every_package_is_pinned_and_hashed() -> None:
    assert len(pinned(LOCK.read_text(encoding="utf-8"))) > 50


@pytest.mark.parametrize(
    "lock", ["demo>=1 \\\n    --hash=sha256:aa\n", "demo==1.0\n", "demo @ file:///x \\\n"]
)
def test_a_package_that_is_not_pinned_is_noticed(lock: str) -> None:
    with pytest.raises(ValueError, match="demo"):
        pinned(lock)


def test_a_vulnerable_package_is_named_with_its_cure() -> None:
    audit = read(answer(vulns=[ADVISORY]))

    assert "demo 1.0: PYSEC-0000-1, mended in 2.0" in audit.line


def test_a_package_without_advisories_is_audited() -> None:
    assert read(answer(vulns=[])).line == "dependencies: 1 of 1 audited, no known vulnerability"


@pytest.mark.parametrize("said", ["", "no connection", answer(skip_reason="not found")])
def test_no_answer_is_said_and_not_taken_for_a_good_one(said: str) -> None:
    assert "NOT audited" in read(said).line


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN RSA PRIVATE" + " KEY-----\nMIIEow\n",
        "url = 'amqp://hub:" + "Zq7xPw2v@broker/axis'\n",
        "aws = 'AKIA" + "IOSFODNN7EXAMPLZ'\n",
        "broker_password = '" + "Zq7-xPw2v'\n",
    ],
    ids=["private key", "address", "cloud", "password"],
)
def test_a_secret_is_found(tmp_path: Path, text: str) -> None:
    file = tmp_path / "settings.py"
    file.write_text(text, encoding="utf-8")

    assert list(leaks_in([str(file)]))


def test_plain_code_is_no_secret(tmp_path: Path) -> None:
    file = tmp_path / "settings.py"
    file.write_text("password = read_password(path)\nlimit = 12\n", encoding="utf-8")

    assert not list(leaks_in([str(file)]))


def test_what_a_test_plants_is_known_by_its_first_letters(tmp_path: Path) -> None:
    file = tmp_path / "settings.py"
    file.write_text("url = 'amqp://hub:" + "canary-1@broker/axis'\n", encoding="utf-8")

    assert not list(leaks_in([str(file)]))
