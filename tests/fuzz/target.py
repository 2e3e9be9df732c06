"""What atheris (libFuzzer) runs: all checks of intake, led by the coverage of the hub's own code.

The first octet chooses: the rest as it is, or signed first, so that what lies behind the signature is
reached. Anything but an admission or a refusal is a crash.
"""

import sys

import atheris

with atheris.instrument_imports(include=["hub"]):
    from hub.errors import MessageRejected
    from hub.intake.line import Failed
    from hub.signature.signing import sign_envelope
    from tests.fuzz.line import DIRECTORY, LINE, received
    from tests.support.authority import agency_signing_key

AS_IT_IS, SIGNED = b"r", b"s"
KEY = agency_signing_key("G22")


class HubFailedError(Exception):
    """The hub failed on a message of a stranger."""


def test_one(data: bytes) -> None:
    body = data[1:]
    if data[:1] == SIGNED:
        try:
            body = sign_envelope(body, KEY)
        except MessageRejected:
            return
    result = LINE.examine(received(body), DIRECTORY)
    if isinstance(result, Failed):
        raise HubFailedError(result.trace)


def main() -> None:
    LINE.catalogue.warm()  # what is loaded once is nobody's slowness
    test_one(AS_IT_IS + b"<edXML/>")
    atheris.Setup(sys.argv, test_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
