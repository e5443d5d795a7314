"""What is known of a page: from the settings that a device confirms, from a header, or from all
pixels. Stations use it without libvips."""

from dataclasses import dataclass, field
from typing import Self

from processors.imaging import icc
from processors.imaging.decoding_result import Decoded
from processors.imaging.format_identification import Format
from processors.imaging.header import Header
from processors.imaging.resolution import Resolution


@dataclass(frozen=True)
class IccFacts:
    """An embedded ICC profile."""

    name: str
    """The name that it states."""
    damage: str | None = None
    mismatch: str | None = None
    """Why it does not match the image."""
    of_device: bool = False
    """Whether it describes one scanner or camera, not a colour space for images."""

    @classmethod
    def read(cls, profile: bytes, colour_space: str) -> Self:
        """The properties of a profile that is embedded in an image."""
        damage = icc.damage(profile)
        mismatch = None if damage else icc.mismatch(profile, colour_space)
        return cls(icc.description(profile), damage, mismatch, icc.is_of_device(profile))


@dataclass(frozen=True)
class PageFacts:
    """Properties of a page; None if a property is not known yet."""

    format: Format | None = None
    family: str | None = None
    """The name of the format in profiles."""
    compression: str | None = None
    lossy: bool | None = None
    bits_per_sample: int | None = None
    samples_per_pixel: int | None = None
    colour_space: str | None = None
    palette: bool | None = None
    separate_planes: bool | None = None
    width_px: int | None = None
    height_px: int | None = None
    size_bytes: int | None = None
    resolution: Resolution | None = None
    icc_known: bool = False
    """Whether it is known if the page has an ICC profile."""
    icc: IccFacts | None = None
    images: int | None = None
    orientation: int | None = None
    irregular: tuple[str, ...] = ()
    """Rules of its format that the file violates."""
    ambiguous: tuple[str, ...] = ()
    """Why the file does not say what its pixels show."""
    pixels: Decoded = field(default_factory=Decoded)
    """What decoding every pixel showed."""
    original_name: str | None = None

    @classmethod
    def of_header(cls, format_: Format, header: Header, size_bytes: int, **known: object) -> Self:
        """What a header states; `known` are further properties."""
        stated: dict[str, object] = {
            "format": format_,
            "family": format_.family,
            "compression": header.compression,
            "lossy": header.lossy,
            "bits_per_sample": header.bits_per_sample,
            "samples_per_pixel": header.samples_per_pixel,
            "colour_space": header.colour_space,
            "palette": header.photometric == "palette",
            "separate_planes": header.separate_planes,
            "width_px": header.width_px,
            "height_px": header.height_px,
            "size_bytes": size_bytes,
            "icc_known": True,
            "icc": None if header.icc is None else IccFacts.read(header.icc, header.colour_space),
            "images": header.images,
            "orientation": header.orientation,
        }
        return cls(**{**stated, **known})  # type: ignore[arg-type]


@dataclass(frozen=True)
class DecodedMaster:
    """The properties of a master whose pixels were decoded."""

    format: Format
    header: Header
    size_bytes: int
    resolution: Resolution
    icc_profile: str | None
    """The name that the embedded ICC profile states."""
    irregular: tuple[str, ...] = ()
    """Rules of its format that the file violates."""
    ambiguous: tuple[str, ...] = ()
    """Why the file does not say what its pixels show."""
    pixels: Decoded = field(default_factory=Decoded)
    """What decoding every pixel showed."""

    def facts(self, original_name: str) -> PageFacts:
        """What a profile is compared with."""
        return PageFacts.of_header(
            self.format,
            self.header,
            self.size_bytes,
            resolution=self.resolution,
            irregular=self.irregular,
            ambiguous=self.ambiguous,
            pixels=self.pixels,
            original_name=original_name,
        )
