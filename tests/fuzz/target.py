"""What atheris (libFuzzer) runs: all checks of intake, led by the coverage of the hub's own code.

The first octet chooses: the rest as it is, or signed first, so that what lies behind the signature is
reached; or skimmed as a large envelope is, which has to agree with the ordinary reading. Anything but an
admission or a refusal is a crash.
"""

import sys
from codecs import BOM_UTF8

import atheris

with atheris.instrument_imports(include=["hub"]):
    from hub.errors import MessageRejected
    from hub.intake.line import Failed
    from hub.message.hardened_xml import parse_hardened
    from hub.message.skimming import skim
    from hub.signature.signing import sign_envelope
    from hub.signature.skimmed import verify_skimmed
    from tests.fuzz.line import DIRECTORY, LINE, received
    from tests.support.authority import agency_signing_key

AS_IT_IS, SIGNED, LARGE = b"r", b"s", b"l"
KEY = agency_signing_key("G22")


class HubFailedError(Exception):
    """The hub failed on a message of a stranger."""


def test_one(data: bytes) -> None:
    body = data[1:]
    if data[:1] == LARGE:
        skim_one(body)
        return
    if data[:1] == SIGNED:
        try:
            body = sign_envelope(body, KEY)
        except MessageRejected:
            return
    result = LINE.examine(received(body), DIRECTORY)
    if isinstance(result, Failed):
        raise HubFailedError(result.trace)


def skim_one(body: bytes) -> None:
    """Skim *body*; what is taken has to be XML for the ordinary parser too, and its skeleton the same."""
    try:
        skimmed = skim([body])
        verify_skimmed(skimmed)
    except MessageRejected:
        return
    parse_hardened(body.removeprefix(BOM_UTF8))
    if not skimmed.attachments and skim([skimmed.skeleton]).covered != skimmed.covered:
        raise HubFailedError("the skeleton says something else than the envelope")


def main() -> None:
    LINE.catalogue.warm()  # what is loaded once is nobody's slowness
    test_one(AS_IT_IS + b"<edXML/>")
    atheris.Setup(sys.argv, test_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
