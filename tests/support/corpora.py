"""Real material that lies outside the project; tests that want it skip where it is absent."""

import os
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
CORPORA = Path(os.environ.get("COPYSTAND_CORPORA", CHECKOUT.parent / "shared" / "corpora"))


def corpus(*parts: str) -> Path:
    """A folder of the corpora, from COPYSTAND_CORPORA or ../shared/corpora; skips when absent."""
    path = CORPORA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{path} is absent; set COPYSTAND_CORPORA to where the corpora are")
    return path
