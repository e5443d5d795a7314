"""Profiles: what a batch may contain and what is made of it, frozen into one JSON document."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict

SHIPPED = Path(__file__).parent / "profiles"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\Z")

Policy = Literal["accept", "warn", "refuse"]
"""What happens to a page that shows a certain thing."""


class UnknownProfile(LookupError):
    """No profile has this name."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"no profile is called {name!r}; known: {', '.join(known)}")
        self.name = name
        self.known = known


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(_Part):
    """The largest master that is decoded; read from the header before anything else."""

    max_width_px: int = 100_000
    max_height_px: int = 100_000
    max_pixels: int = 1_000_000_000
    max_bytes: int = 4 * 1024**3


class Ocr(_Part):
    """How text is recognised."""

    enabled: bool = True
    dpi: int = 300
    """Masters of a higher resolution are read in a copy of this one."""
    max_long_side_px: int = 6000
    """Longest side of the copy when the resolution of the master is unknown."""
    confidence_floor: float = 50.0
    """A page whose mean word confidence (0 to 100) lies below gets a warning."""
    timeout_seconds: float = 150.0
    orientation: bool = True
    """Whether a page that cannot be read as it stands is tried turned."""


class ReadingImage(_Part):
    """A JPEG made for the screen; never larger than the master."""

    long_side_px: int
    quality: int = 85


class Pyramid(_Part):
    """A tiled TIFF with all smaller sizes inside, for image servers."""

    compression: Literal["jpeg", "deflate", "lzw"] = "jpeg"
    quality: int = 85
    """Of JPEG."""
    tile_px: int = 256


class Derivatives(_Part):
    """What is made from a master; None leaves one out."""

    access: ReadingImage | None = ReadingImage(long_side_px=2000)
    thumbnail: ReadingImage | None = ReadingImage(long_side_px=300, quality=80)
    pyramid: Pyramid | None = Pyramid()
    negatives: bool = False
    """Masters are photographic negatives: reading images show the positive."""


class Profile(_Part):
    """A resolved profile: nothing is left to look up."""

    name: str
    description: str = ""
    formats: tuple[Literal["tiff", "bigtiff", "jpeg", "png"], ...]
    compressions: tuple[str, ...]
    bits_per_sample: tuple[int, ...]
    colour_spaces: tuple[str, ...]
    min_resolution_dpi: float | None = None
    required_branches: tuple[str, ...] = ("derive_page", "describe_page", "recognize_page")
    """What a page waits for."""
    optional_branches: tuple[str, ...] = ("enrich_page",)
    """What is made of a page besides, and never waited for."""
    unknown_resolution: Policy = "warn"
    low_resolution: Policy = "warn"
    missing_icc: Policy = "warn"
    """Bitonal masters owe no ICC profile."""
    lossy_master: Policy = "warn"
    more_images: Policy = "warn"
    unusual_structure: Policy = "warn"
    """The decoder complains of tags, though every pixel is sound."""
    turned: Policy = "warn"
    """An orientation tag says that the image is to be turned for display."""
    other_extension: Policy = "warn"
    """The file's name promises another format."""
    ocr: Ocr = Ocr()
    derivatives: Derivatives = Derivatives()
    limits: Limits = Limits()

    @classmethod
    def from_json(cls, document: bytes) -> Self:
        """The profile in a resolved document; what else stands there is for other steps."""
        fields: dict[str, Any] = json.loads(document)
        return cls.model_validate({key: fields[key] for key in fields if key in cls.model_fields})


def names(folder: Path | None = None) -> tuple[str, ...]:
    """The profiles that can be named: those shipped and those of the user's folder."""
    folders = [place for place in (folder, SHIPPED) if place is not None and place.is_dir()]
    return tuple(sorted({path.stem for place in folders for path in place.glob("*.toml")}))


def resolve(name: str, folder: Path | None = None) -> dict[str, Any]:
    """The profile of that name with everything filled in, as plain JSON values; the user's own
    comes before one shipped. Raises UnknownProfile, and ValueError for a profile that is wrong."""
    for place in (folder, SHIPPED):
        path = place / f"{name}.toml" if place is not None else None
        if path is not None and NAME.match(name) and path.is_file():
            fields = tomllib.loads(path.read_text("utf-8"))
            return Profile.model_validate({"name": name, **fields}).model_dump(mode="json")
    raise UnknownProfile(name, names(folder))


def canonical(resolved: dict[str, Any]) -> bytes:
    """The bytes under which a resolved profile is kept."""
    text = json.dumps(resolved, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.encode()
