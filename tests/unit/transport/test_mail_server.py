import pytest

from hub.transport.mail_server import MailServer, is_safe_address


def test_a_mail_server_is_read_with_its_user_and_never_tells_the_password() -> None:
    server = MailServer.parse("smtps://alerts%40axis:p%3Fss@mail.example")

    assert (server.host, server.port, server.is_tls_from_start) == ("mail.example", 465, True)
    assert (server.user, server.password) == ("alerts@axis", "p?ss")
    assert "p?ss" not in repr(server)
    assert MailServer.parse("smtp://mail.example").port == 587


@pytest.mark.parametrize(
    "url", ["mail.example", "https://mail.example", "smtp://mail.example?plain=yes", "smtp://"]
)
def test_what_is_no_mail_server_or_would_go_unprotected_is_refused_without_telling_it(url: str) -> None:
    with pytest.raises(ValueError, match=r"^(has to be|may do without)") as refused:
        MailServer.parse(url)

    assert "mail.example" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "is_safe"),
    [
        ("https://hooks.example/x", True),
        ("http://127.0.0.1:8080/x", True),
        ("http://hooks.example/x", False),
        ("ftp://127.0.0.1/x", False),
        ("https://", False),
    ],
)
def test_only_what_is_protected_on_its_way_is_spoken_to(url: str, *, is_safe: bool) -> None:
    assert is_safe_address(url) is is_safe
