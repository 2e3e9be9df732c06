"""The settings file is looked at as a whole, in both languages, and no secret of it is ever shown."""

import json
from pathlib import Path

import pytest

from adapters.webhook.settings import read_hook_settings
from hub.errors import ConfigurationError
from tests.support.hook_endpoint import SECRET

TOKEN = "a-token-of-the-tests-that-is-long-enough"


def written(folder: Path, **tables: object) -> Path:
    """Write a settings file whose `[kit]` is not one: the rest is told beside it."""
    settled: dict[str, object] = {
        "endpoint": {"url": "https://dms.example.vn/truc?key=abc", "secrets": [SECRET]},
        "http": {"port": 8443},
        "tokens": [{"name": "dms", "token": TOKEN}],
        "kit": {"mailbox": "H41"},
        "public_url": "https://truc.example.vn:8443/",
    }
    path = folder / "webhook.toml"
    path.touch(mode=0o600)
    path.write_text(
        "\n".join(f"{name} = {toml(value)}" for name, value in (settled | tables).items()), "utf-8"
    )
    return path


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {toml(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def complaint(path: Path) -> str:
    with pytest.raises(ConfigurationError) as error:
        read_hook_settings(path)
    return str(error.value)


def test_everything_is_complained_about_at_once_and_nothing_secret_is_shown(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        endpoint={"url": "http://user:password@dms.example.vn/", "authorities": "none.pem"},
        events={"url": "https://dms.example.vn/", "secrets": ["whsec_c2hvcnQ="]},
        http={"port": 8443, "host": "0.0.0.0"},
        public_url="truc.example.vn",
        tokens=[{"name": "dms", "token": TOKEN}, {"name": "dms", "token": TOKEN}],
    )
    path.chmod(0o640)

    told = complaint(path)

    for part in (
        "[endpoint] url: phải",
        "[endpoint]: thiếu secrets",
        "[endpoint] authorities: không có tệp",
        "a webhook secret has 24 to 64 octets, this one has 5",
        "[http]: 0.0.0.0",
        "public_url: phải",
        "dms dùng hai lần / is used twice",
        "chmod 600",
        "hub_certificates: thiếu mục này",
    ):
        assert part in told
    for secret in ("password@", "whsec_", TOKEN, "c2hvcnQ"):
        assert secret not in told


@pytest.mark.parametrize(
    ("tables", "part"),
    [
        ({"tokens": []}, "tokens"),
        ({"tokens": [{"name": "dms", "token": "short"}]}, "32 characters at least"),
        ({"tokens": [{"name": "d m s", "token": TOKEN}]}, "tokens[1].name"),
        ({"endpoint": {"url": "https://a.vn", "patience_seconds": 9_999}}, "endpoint.patience_seconds"),
        ({"endpoint": {"url": "https://a.vn", "secret": SECRET}}, "endpoint.secret"),
        ({"keep_days": 0}, "keep_days"),
    ],
)
def test_what_is_no_setting_is_named_without_its_value(
    tmp_path: Path, tables: dict[str, object], part: str
) -> None:
    told = complaint(written(tmp_path, **tables))

    assert part in told
    assert "short" not in told.replace("too_short", "")
    assert SECRET not in told


@pytest.mark.parametrize(
    "url",
    ["http://dms.example.vn/", "ftp://a.vn/", "https:///path", "https://[::1", "https://u:p@a.vn/", "a.vn"],
)
def test_an_endpoint_has_https_a_host_and_no_password_in_its_address(tmp_path: Path, url: str) -> None:
    assert "[endpoint] url" in complaint(written(tmp_path, endpoint={"url": url, "secrets": [SECRET]}))


@pytest.mark.parametrize("url", ["https://a.vn/x?key=abc", "http://127.0.0.1:9/", "http://localhost/x"])
def test_http_is_for_this_machine_only(tmp_path: Path, url: str) -> None:
    endpoint = {"url": url, "secrets": [SECRET], "allow_private": True}

    assert "[endpoint]" not in complaint(written(tmp_path, endpoint=endpoint))


@pytest.mark.parametrize("url", ["https://127.0.0.1:9/", "http://localhost/x"])
def test_an_endpoint_on_this_machine_has_to_be_allowed(tmp_path: Path, url: str) -> None:
    assert "allow_private = true" in complaint(written(tmp_path, endpoint={"url": url, "secrets": [SECRET]}))
