from pathlib import Path

import pytest

from hub.catalogue import SCHEMAS, Catalogue
from hub.errors import SchemaViolation
from hub.intake.parse import ParseLimits, parse
from hub.intake.validate import ContentLimits, validate
from hub.intake.verify import verify
from hub.message.stages import ValidMessage
from hub.signature.signing import sign_envelope
from tests.support.authority import agency_signing_key, session_anchors
from tests.support.stages import received

EXAMPLES = SCHEMAS / "edxml" / "2016" / "examples"
VALID = sorted((EXAMPLES / "valid").glob("*.edxml"))
INVALID = sorted((EXAMPLES / "invalid").glob("*.edxml"))
CATALOGUE = Catalogue()


def signed_and_examined(example: Path) -> ValidMessage:
    signed = sign_envelope(example.read_bytes(), agency_signing_key("G22"))
    verified = verify(parse(received(signed), ParseLimits()), session_anchors())
    return validate(verified, CATALOGUE, ContentLimits())


@pytest.mark.parametrize("example", VALID, ids=lambda path: path.stem)
def test_every_valid_example_passes_the_first_three_steps_once_it_is_signed(example: Path) -> None:
    assert signed_and_examined(example).header.sender


@pytest.mark.parametrize(
    "example", [each for each in INVALID if each.stem != "envelope-missing"], ids=lambda path: path.stem
)
def test_every_invalid_example_is_refused_by_the_third_step_once_it_is_signed(example: Path) -> None:
    with pytest.raises(SchemaViolation):
        signed_and_examined(example)
