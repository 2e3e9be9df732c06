"""What failed is found behind the client library's errors, and a ring of causes has an end."""

import itertools
import ssl

from hub.transport.trouble import explain, suspect


def a_ring(*errors: BaseException) -> BaseException:
    """Return the first of *errors*, each the cause of the one before, and the first of the last."""
    for error, cause in itertools.pairwise(errors):
        error.__cause__ = cause
    errors[-1].__context__ = errors[0]
    return errors[0]


def test_a_ring_of_causes_without_tls_in_it_explains_nothing() -> None:
    error = a_ring(ConnectionError("reset"), OSError("reset"), ConnectionRefusedError("nobody listens"))

    assert explain(error) is None
    assert suspect(error) is None


def test_an_error_that_is_its_own_context_explains_nothing() -> None:
    error = OSError("reset")

    assert explain(a_ring(error)) is None


def test_what_failed_is_found_anywhere_in_a_ring() -> None:
    failed = ssl.SSLError(1, "WRONG_VERSION_NUMBER")
    failed.reason = "WRONG_VERSION_NUMBER"

    assert "does not speak TLS" in (explain(a_ring(ConnectionError("lost"), failed, OSError("reset"))) or "")
    assert suspect(a_ring(ConnectionError("lost"), EOFError("hung up"))) is not None
