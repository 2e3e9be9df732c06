"""The settings page says what the settings are."""

from tests.support.settings_page import PAGE, page


def test_the_settings_page_is_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()
