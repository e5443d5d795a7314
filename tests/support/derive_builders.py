"""Masters and pages for the tests of reading images."""

from typing import Any

import pyvips

from processors.acquire_page import acquire_page
from processors.imaging.colour import PROFILE
from processors.outcome import Done
from processors.tools import Tools
from schemas.models import PageAcquired, PageDerived
from tests.support.imaging_builders import an_admitted_page, as_next_input


def a_master(
    image: pyvips.Image, profile: bytes | None = None, orientation: int = 1, **how: Any
) -> bytes:
    """A TIFF of 300 dpi with these pixels."""
    tagged = image.copy(xres=300 / 25.4, yres=300 / 25.4)
    if profile is not None:
        tagged.set_type(pyvips.GValue.blob_type, PROFILE, profile)
    tagged.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    content: bytes = tagged.tiffsave_buffer(**{"compression": "lzw", "resunit": "inch", **how})
    return content


def acquired(tools: Tools, master: bytes, **changes: Any) -> PageAcquired:
    """The page as acquire_page hands it on."""
    outcome = acquire_page(an_admitted_page(tools, master, **changes), tools)
    assert isinstance(outcome, Done), outcome
    fact: PageAcquired = outcome.facts[0]  # type: ignore[assignment]
    return as_next_input(fact)


def contents(tools: Tools, fact: PageDerived) -> dict[str, bytes]:
    """The bytes of each reading image, by use."""
    return {file.use: tools.storage.read(file) for file in fact.files}
