import pytest

from hub.console.templating import common_name


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ("2.5.4.97=000.00.00.G15,CN=Bộ Y tế,O=Bộ Y tế,C=VN", "Bộ Y tế"),
        ("CN=Sở Y tế\\, Hà Nội,C=VN", "Sở Y tế, Hà Nội"),
        ("O=Bộ Y tế,C=VN", "O=Bộ Y tế,C=VN"),
    ],
)
def test_a_certificate_is_called_by_its_common_name(subject: str, name: str) -> None:
    assert common_name(subject) == name
