"""What has landed in a database is never changed: a new file follows it."""

import hashlib

from hub.backends.postgres.migrating import FOLDER, newest

LANDED = {
    "0001_the_seam.sql": "aa39f12b13e58815f5293335d391adad2d28fd603db01f2fb3aa1f4722106a34",
    "0002_receipt_sheets.sql": "ae9d9f2423e4dc9c33baa5c369249416530480011f20fefbcb76f7b1f02dd5e6",
    "0003_certificates.sql": "2f13b425f3a2e337f87813b9be9890f62d530b9484f5b702b0c6d3c4fc15b6c6",
    "0004_event_seals.sql": "42b724c4a925c8918207a2b0d8ebca1c57a1e06504e9189e5e6bf09e530af47b",
    "0005_time_stamps.sql": "1378c0a152919fc401d24d7ec2d0c675cd1f31a268e38989706e9dec8a843f3c",
    "0006_operators_desk.sql": "6bd5ad84a7c133997f6b43e05862f883106188c1e13e779734b0fcd573593fdb",
    "0007_hub_certificates.sql": "8c6ae1caba9e1fca9f4ad4b284a7ecc394c585f0adcdcccb5081d010e1c5b75d",
    "0008_breakers.sql": "c62acfab3d68e68a7fc6653df492c1440dcd63cb17bdc6ef4a60cc9bcf4e55e9",
    "0009_heard.sql": "d64b2fcb331fa0c4e1396aaf926822c5adca290172638d495ff0920e6c6489fb",
    "0010_cases_to_judge.sql": "802f4a49262143ea987206a3512cabb99d0cae552e2e9cfb600a97c0f07958e8",
    "0011_bodies.sql": "88e5e0682f325f55a79258ba5599875e441f95220a5956da7fb30f6715088537",
    "0012_catalogue.sql": "1c41add634b150d60ee6c7c246079c9b7fcb16c9c428e45bbd9badccaae2a5cb",
    "0013_reject_reasons.sql": "4e9a1eb9c5892567de09428f1e7cf053464a836712ca5d9ac2b4dcb7ebd6f0a6",
    "0014_queue_losses.sql": "90ac1a83883b47e66be74686ef2916cd1da169c2ae5aa16b96f298ca32241199",
    "0015_room_for_confirms.sql": "678bad9f098f3b3f4502fe54dd22790130016c2ae02db334a236d067ce10376f",
}
"""SHA-256 of every migration. Until the first release a line may be changed, on purpose and with a purge of
all local stacks; from then on lines are only added."""


def test_what_has_landed_is_as_it_was() -> None:
    files = FOLDER.glob("[0-9]*.sql")
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    assert found == LANDED


def test_every_revision_has_its_file_of_statements() -> None:
    revisions = sorted(path.stem for path in (FOLDER / "versions").glob("[0-9]*.py"))
    statements = sorted(path.stem for path in FOLDER.glob("[0-9]*.sql"))

    assert revisions == statements


def test_revisions_follow_one_another() -> None:
    numbers = sorted(int(path.stem.split("_", 1)[0]) for path in (FOLDER / "versions").glob("[0-9]*.py"))

    assert numbers == list(range(1, len(numbers) + 1))
    assert newest() == f"{numbers[-1]:04}"
