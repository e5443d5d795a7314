"""The test vectors in docs/ids.md are those of schemas/ids.py and of plain Python."""

import re
from pathlib import Path
from uuid import UUID, uuid5

import pytest

from schemas import ids

PAGE = (Path(__file__).parents[3] / "docs" / "ids.md").read_text("utf-8")
VECTORS = re.findall(r"^\| `(\w+\(.*\))` \| `([^`]+)` \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("call", "expected"), VECTORS)
def test_golden_vector(call: str, expected: str) -> None:
    assert eval(call, vars(ids).copy()) == expected


def test_there_are_vectors_for_every_public_function() -> None:
    shown = {call.split("(")[0] for call, _ in VECTORS}

    public = {
        name
        for name, value in vars(ids).items()
        if getattr(value, "__module__", "") == ids.__name__
    }
    assert shown == public


def test_the_rule_can_be_computed_with_plain_python() -> None:
    by_hand = {
        call: str(uuid5(UUID("4d7339f1-134b-4d89-8b44-7cf799ee20e6"), "\x1f".join(_parts(call))))
        for call, _ in VECTORS
        if call.startswith("make_id")
    }

    assert by_hand == {call: value for call, value in VECTORS if call in by_hand}


def _parts(call: str) -> list[str]:
    return [part.strip('"') for part in call[len("make_id(") : -1].split(", ")]
