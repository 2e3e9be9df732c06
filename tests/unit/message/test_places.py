import pytest

from hub.message.places import each_place


def test_an_address_with_one_host_stays_as_it_is() -> None:
    assert each_place("amqp://hub:secret@broker:5672/axis") == ("amqp://hub:secret@broker:5672/axis",)


def test_each_host_gets_the_rest_of_the_address() -> None:
    address = "amqps://hub:secret@a:5671,b:5672,[::1]:5673/axis?auth=external"

    assert each_place(address) == (
        "amqps://hub:secret@a:5671/axis?auth=external",
        "amqps://hub:secret@b:5672/axis?auth=external",
        "amqps://hub:secret@[::1]:5673/axis?auth=external",
    )


def test_a_comma_in_the_password_separates_nothing() -> None:
    assert each_place("postgresql://truc_hub:a,b@one,two:5433/truc") == (
        "postgresql://truc_hub:a,b@one/truc",
        "postgresql://truc_hub:a,b@two:5433/truc",
    )


@pytest.mark.parametrize("text", ["", "nonsense", "amqp://", "postgresql:///truc?host=a,b"])
def test_what_names_no_hosts_is_left_to_whoever_reads_it(text: str) -> None:
    assert each_place(text) == (text,)
