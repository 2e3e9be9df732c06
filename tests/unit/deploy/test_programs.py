"""Which broker a stack runs on, without starting one."""

from pathlib import Path

import pytest

from deploy.local import LocalStack, StackError
from deploy.local.address import new_record, write_record
from deploy.local.newer_broker import SUITE, needed, newer_broker, settings, sources, version_of
from deploy.local.programs import Release, broker_programs, chosen_release, keep_to_version

TARGETS = """\
http://mirror.example/debian/ bookworm main
http://mirror.example/debian/ bookworm contrib
http://mirror.example/debian/ bookworm-updates main
http://security.example/debian-security/ bookworm-security main
https://other.example/apt/ nodistro main
"""
LISTING = """\
rabbitmq-server
  Depends: adduser
 |Depends: erlang-base
  Depends: <erlang-base-hipe>
  Depends: erlang-asn1
adduser
  Depends: passwd
erlang-base
  Depends: procps
  Depends: libc6
 |Depends: <debconf-2.0>
erlang-asn1
  Depends: erlang-base
libc6
  Depends: libgcc-s1
libgcc-s1
procps
  Depends: libproc2-0
libproc2-0
"""


def test_the_newer_suite_comes_from_the_mirrors_that_the_machine_uses() -> None:
    lines = sources(TARGETS, codename="bookworm").splitlines()

    assert [line.split("] ")[1] for line in lines] == [
        f"http://mirror.example/debian/ {SUITE} main",
        f"http://security.example/debian-security/ {SUITE}-security main",
    ]


def test_every_source_is_verified_with_debians_keyring() -> None:
    assert all(
        "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" in line
        for line in sources(TARGETS, codename="bookworm").splitlines()
    )
    assert "Acquire::AllowInsecureRepositories=false" in settings(Path("/scratch"))


def test_without_a_mirror_of_debian_nothing_is_guessed() -> None:
    with pytest.raises(StackError, match="TRUC_RABBITMQ_SERVER"):
        sources("https://other.example/apt/ nodistro main\n", codename="bookworm")


def test_erlang_and_libraries_come_along_and_nothing_else() -> None:
    assert needed("rabbitmq-server", LISTING) == [
        "rabbitmq-server",
        "erlang-asn1",
        "erlang-base",
        "libc6",
        "libgcc-s1",
    ]


def test_a_place_that_erlang_cannot_read_is_exchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUC_CACHE", "/srv/văn phòng")

    assert str(newer_broker().folder).isascii()
    assert " " not in str(newer_broker().folder)


def test_a_folder_that_was_left_half_made_is_not_taken_for_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUC_CACHE", str(tmp_path))
    script = newer_broker().folder / "usr/lib/rabbitmq/lib/rabbitmq_server-4.0.5/sbin/rabbitmq-server"
    script.parent.mkdir(parents=True)
    script.touch(mode=0o755)

    assert newer_broker().server == script
    assert not newer_broker().is_there()


def test_the_version_stands_in_the_path() -> None:
    assert version_of(Path("/usr/lib/rabbitmq/lib/rabbitmq_server-4.0.5/sbin/rabbitmq-server")) == "4.0.5"
    assert version_of(Path("/opt/broker/rabbitmq-server")) == ""


def test_nobody_asks_for_a_release_unless_somebody_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUC_BROKER", "")

    assert chosen_release() is None


def test_an_unknown_release_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUC_BROKER", "5")

    with pytest.raises(StackError, match="TRUC_BROKER=5"):
        chosen_release()


def test_a_named_script_is_taken_before_any_release(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUC_RABBITMQ_SERVER", "/bin/sh")

    assert broker_programs(Release.FOUR).server == Path("/bin/sh")


def test_the_newer_one_brings_its_own_erlang(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TRUC_RABBITMQ_SERVER", raising=False)
    monkeypatch.setenv("TRUC_CACHE", str(tmp_path))

    assert broker_programs(Release.FOUR).path.startswith(f"{tmp_path}/truc/")


def test_a_home_keeps_to_the_broker_that_it_was_made_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_record(tmp_path, new_record(tmp_path))
    monkeypatch.setenv("TRUC_BROKER", "4")

    with pytest.raises(StackError, match="another home"):
        LocalStack(tmp_path).up()


def test_data_of_another_major_version_are_not_opened(tmp_path: Path) -> None:
    old = Path("/usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8/sbin/rabbitmq-server")
    new = Path("/usr/lib/rabbitmq/lib/rabbitmq_server-4.0.5/sbin/rabbitmq-server")
    keep_to_version(tmp_path, old)

    with pytest.raises(StackError, match=r"broker-versions\.md"):
        keep_to_version(tmp_path, new)


def test_a_newer_version_of_the_same_line_opens_the_data(tmp_path: Path) -> None:
    folder = Path("/usr/lib/rabbitmq/lib")
    keep_to_version(tmp_path, folder / "rabbitmq_server-4.0.5/sbin/rabbitmq-server")

    keep_to_version(tmp_path, folder / "rabbitmq_server-4.2.1/sbin/rabbitmq-server")

    assert (tmp_path / "made-by").read_text() == "4.2.1\n"
