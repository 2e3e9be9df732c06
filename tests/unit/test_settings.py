"""What the hub is told about the broker and its key fits together, or it does not start."""

from datetime import timedelta
from pathlib import Path

import pytest

from deploy.local.tls import BrokerAuthority
from hub.errors import ConfigurationError
from hub.message.outbox import ReturnReason
from hub.settings import Settings
from tests.support.authority import agency_signing_key, session_authority


@pytest.fixture
def values(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "anchors.pem").write_bytes(session_authority().anchor_pem)
    (tmp_path / "hub.pem").write_bytes(agency_signing_key("TRUC").to_pem(b"p"))
    BrokerAuthority(tmp_path).ensure()
    BrokerAuthority(tmp_path).issue_client(tmp_path / "client.pem", "hub")
    return {
        "postgres_dsn": "postgresql://hub:canary-dsn@localhost/truc",
        "amqp_url": "amqps://hub:canary-amqp@broker/axis",
        "broker_ca": str(tmp_path / "ca.pem"),
        "trust_anchors": str(tmp_path / "anchors.pem"),
        "hub_key": str(tmp_path / "hub.pem"),
        "hub_key_password": "canary-key",
    }


def load(tmp_path: Path, values: dict[str, str]) -> Settings:
    file = tmp_path / "hub.toml"
    file.write_text("".join(f'{name} = "{value}"\n' for name, value in values.items()), "utf-8")
    return Settings.load(file)


def test_what_is_trusted_comes_from_the_settings(tmp_path: Path, values: dict[str, str]) -> None:
    settings = load(tmp_path, values)

    assert settings.broker_tls.authorities == tmp_path / "ca.pem"
    assert settings.key_source.name == str(tmp_path / "hub.pem")
    assert "canary" not in repr(settings) + repr(settings.broker_tls) + repr(settings.key_source)


def test_the_hub_may_be_known_by_its_certificate(tmp_path: Path, values: dict[str, str]) -> None:
    external = {
        "amqp_url": "amqps://broker/axis?auth=external",
        "broker_certificate": f"{tmp_path}/client.pem",
    }

    assert load(tmp_path, values | external).broker_tls.common_name() == "hub"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"amqp_url": "amqps://hub:canary@b/axis?no_verify_ssl=1"}, "may not say no_verify_ssl"),
        ({"amqp_url": "amqp://hub:canary@b/axis"}, "for amqps:// only"),
        ({"amqp_url": "amqps://b/axis?auth=external"}, "needs broker_certificate"),
        ({"broker_ca": "/nowhere.pem"}, "broker_ca: .*is not a readable file"),
        ({"hub_key": "pkcs11:object=hub;pin-value=canary"}, "the PIN is a setting of its own"),
        ({"management_url": "https://admin:canary@b:15671"}, "management_url says no user"),
        ({"hub_key": "pkcs11:object=hub"}, "needs hub_key_module and hub_key_certificates"),
    ],
)
def test_what_does_not_fit_is_named_and_no_secret(
    tmp_path: Path, values: dict[str, str], wrong: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigurationError, match=sentence) as refused:
        load(tmp_path, values | wrong)

    assert "canary" not in str(refused.value)


def test_complaints_about_several_settings_come_together(tmp_path: Path, values: dict[str, str]) -> None:
    wrong = {"broker_ca": "/nowhere.pem", "broker_key": "/neither.pem", "hub_key": "pkcs11:colour=red"}

    with pytest.raises(ConfigurationError, match=r"(?s)broker_ca.*broker_key.*hub_key"):
        load(tmp_path, values | wrong)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"time_stamp_authority": "http://tsa.example/"}, "needs time_stamp_anchors"),
        ({"time_stamp_authority": "http://hub:canary@tsa.example/"}, "without a user"),
        ({"time_stamp_authority": "ftp://tsa.example/"}, "http or https"),
    ],
)
def test_a_time_stamp_authority_has_an_address_and_anchors(
    tmp_path: Path, values: dict[str, str], given: dict[str, str], complaint: str
) -> None:
    with pytest.raises(ConfigurationError, match=complaint) as refused:
        load(tmp_path, values | given)

    assert "canary" not in str(refused.value)


POLICIES = """
[[retry_policies]]
causes = ["unroutable"]
delays = ["PT1M", "PT1H"]

[[retry_policies]]
mailboxes = ["H38", "H38.*"]
delays = ["PT0S", "PT5M"]
jitter = 0.5
"""
"""As the operators' page shows them."""


def load_with(tmp_path: Path, values: dict[str, str], more: str) -> Settings:
    file = tmp_path / "hub.toml"
    file.write_text("".join(f'{name} = "{value}"\n' for name, value in values.items()) + more, "utf-8")
    return Settings.load(file)


def test_retry_policies_are_tried_in_their_order_before_the_usual_delays(
    tmp_path: Path, values: dict[str, str]
) -> None:
    policy = load_with(tmp_path, values, POLICIES).recovery_policy

    assert [rule.max_attempts for rule in policy.rules] == [3, 3]
    assert policy.rules[0].causes == {ReturnReason.UNROUTABLE}
    assert (policy.rules[1].mailboxes, policy.rules[1].jitter) == (("H38", "H38.*"), 0.5)
    assert policy.otherwise.delays[:2] == (timedelta(), timedelta(seconds=10))


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ('retry_delays = ["PT1M", "PT10S"]', "retry_delays: .*delays have to grow"),
        ('retry_delays = ["-PT1S"]', "retry_delays: .*cannot be negative"),
        ("retry_delays = []", "retry_delays: .*at least 1 item"),
        ("retry_jitter = 1.5", "retry_jitter: .*less than or equal to 1"),
        ('[[retry_policies]]\ndelays = ["PT1S"]', "names neither causes nor mailboxes"),
        ('[[retry_policies]]\ncauses = ["rejected"]', "retry_policies.0.delays: Field required"),
        (
            '[[retry_policies]]\ncauses = ["expired"]\ndelays = ["PT1S"]',
            "retry_policies.0.causes.0: .*what has expired is never tried again",
        ),
        (
            '[[retry_policies]]\ncauses = ["unconfirmed"]\ndelays = ["PT1S"]',
            "retry_policies.0.causes.0: .*'rejected'",
        ),
        (
            '[[retry_policies]]\nmailboxes = ["H38/x"]\ndelays = ["PT1S"]',
            "retry_policies.0.mailboxes.0: .*pattern",
        ),
        ('breaker_pause = "PT1H"', "breaker_longest_pause is shorter than breaker_pause"),
        ("breaker_failures = 2", "breaker_failures is less than breaker_documents"),
    ],
)
def test_retries_and_breakers_that_cannot_be_are_refused_with_the_reason(
    tmp_path: Path, values: dict[str, str], given: str, complaint: str
) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        load_with(tmp_path, values, given + "\n")


def test_a_breaker_may_be_switched_off(tmp_path: Path, values: dict[str, str]) -> None:
    assert load_with(tmp_path, values, "breaker_failures = 0\n").breaker_terms.failures == 0


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"console_url": "http://truc.example.gov.vn"}, "console_url has to be an https address"),
        ({"console_url": "https://someone@truc.example.gov.vn"}, "console_url has to be an https address"),
        ({"console_host": "0.0.0.0"}, "console_host is open to others"),
        ({"console_oidc_issuer": "https://sso.example"}, "needs console_oidc_client_id and console_url"),
        (
            {
                "console_oidc_issuer": "http://sso.example",
                "console_oidc_client_id": "truc",
                "console_url": "https://truc.example",
            },
            "console_oidc_issuer has to be an https address",
        ),
    ],
)
def test_a_console_that_others_could_read_along_does_not_start(
    tmp_path: Path, values: dict[str, str], wrong: dict[str, str], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        load(tmp_path, {**values, **wrong})


def test_a_console_on_this_machine_needs_no_address(tmp_path: Path, values: dict[str, str]) -> None:
    settings = load(tmp_path, {**values, "console_url": "http://127.0.0.1:8443"})

    assert settings.console_host == "127.0.0.1"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"bodies_store": "/var/lib/truc/bodies"}, "bodies_store has to be"),
        ({"bodies_store": "file://host/bodies"}, "bodies_store has to be"),
        ({"bodies_store": "s3://user:canary@bucket"}, "bodies_store has to be"),
        ({"bodies_endpoint": "http://s3.example.vn"}, "bodies_endpoint has to be an https address"),
        ({"bodies_access_key": "truc"}, "go together"),
        ({"bodies_secret_key": "canary"}, "go together"),
        ({"bodies_host": "0.0.0.0"}, "open to others"),
    ],
)
def test_a_service_of_large_bodies_that_could_not_be_trusted_does_not_start(
    tmp_path: Path, values: dict[str, str], wrong: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigurationError, match=sentence) as refused:
        load(tmp_path, values | wrong)

    assert "canary" not in str(refused.value)


def test_large_bodies_lie_in_a_bucket_whose_secret_is_never_shown(
    tmp_path: Path, values: dict[str, str]
) -> None:
    bucket = {
        "bodies_store": "s3://truc/axis",
        "bodies_endpoint": "https://s3.example.vn",
        "bodies_access_key": "truc",
        "bodies_secret_key": "canary",
    }

    settings = load(tmp_path, values | bucket)

    assert settings.bodies_store == "s3://truc/axis"
    assert "canary" not in repr(settings)
