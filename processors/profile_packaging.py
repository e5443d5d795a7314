"""The part of a profile about packages."""

from typing import Any, Literal, get_args

from pydantic import Field

from processors.profile_ocr import Part

LayoutVersion = Literal[1, 2]
KNOWN_LAYOUTS: tuple[int, ...] = get_args(LayoutVersion)
LAYOUT_VERSION: LayoutVersion = 1
"""Layout of the packages of items that are completed by this version."""
FIRST_LAYOUT: LayoutVersion = 1
"""Layout of an item record from before there were layouts."""


class Packaging(Part):
    """How the items of a batch are packaged."""

    layout: LayoutVersion | None = None
    """The newest layout that the repository reads; None for any."""
    pdf: bool = True
    """Whether a package of layout 2 has a PDF of the item."""
    type: str = Field(default="monograph", pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")
    """TYPE of an item in METS for which no structure was delivered."""


def layout_for(recorded: int, profile: dict[str, Any]) -> int:
    """The layout of a package: that of its item record, or an older one that the profile states."""
    stated = profile.get("package", {}).get("layout")
    return min(recorded, stated or recorded)
