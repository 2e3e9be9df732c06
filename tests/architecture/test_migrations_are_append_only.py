"""What has landed in a database is never changed: a new file follows it."""

import hashlib

from hub.backends.postgres.migrating import FOLDER, newest

LANDED: dict[str, str] = {}
"""SHA-256 of every migration that a released version has run; empty until the first release."""


def test_what_has_landed_is_as_it_was() -> None:
    found = {name: hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() for name in LANDED}

    assert found == LANDED


def test_every_revision_has_its_file_of_statements() -> None:
    revisions = sorted(path.stem for path in (FOLDER / "versions").glob("[0-9]*.py"))
    statements = sorted(path.stem for path in FOLDER.glob("[0-9]*.sql"))

    assert revisions == statements


def test_revisions_follow_one_another() -> None:
    numbers = sorted(int(path.stem.split("_", 1)[0]) for path in (FOLDER / "versions").glob("[0-9]*.py"))

    assert numbers == list(range(1, len(numbers) + 1))
    assert newest() == f"{numbers[-1]:04}"
