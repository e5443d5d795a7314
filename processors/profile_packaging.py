"""The part of a profile about packages."""

from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field

from processors.bag_profile import BagProfile, BagProfileWrong, Fields, TagFileName, bag_profile
from processors.institution import Institution
from processors.profile_ocr import Part

LayoutVersion = Literal[1, 2]
KNOWN_LAYOUTS: tuple[int, ...] = get_args(LayoutVersion)
LAYOUT_VERSION: LayoutVersion = 2
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
    bag: str = "copystand"
    """Name of the bag profile."""
    info: Fields = Field(default_factory=dict)
    """Further fields of bag-info.txt."""
    tag_files: dict[TagFileName, Fields] = Field(default_factory=dict)
    """Fields of further tag files."""
    frozen_bag: BagProfile = BagProfile()
    """The bag profile with the fields above, as it was read for a batch."""


def layout_for(recorded: int, profile: dict[str, Any]) -> int:
    """The layout of a package: that of its item record, or an older one that the profile states."""
    stated = profile.get("package", {}).get("layout")
    return min(recorded, stated or recorded)


def with_bag_profile(
    packaging: Packaging, institution: Institution, folder: Path | None
) -> Packaging:
    """The settings with the bag profile that they name. Raises BagProfileWrong."""
    if packaging.frozen_bag != BagProfile():
        raise BagProfileWrong("package.frozen_bag is set when the profile is read")
    tag_files = packaging.tag_files
    bag = bag_profile(packaging.bag, folder, institution, packaging.info, tag_files)
    return packaging.model_copy(update={"frozen_bag": bag})
