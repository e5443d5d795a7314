"""Checks a master against its profile: refusals and warnings, each with its code."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from processors.delivered_checksums import Digests
from processors.imaging import icc
from processors.imaging.content_description import EMPTY, UNKNOWN
from processors.imaging.decoding_result import Decoded, Undecodable
from processors.imaging.format_identification import Format, image_extensions
from processors.imaging.header import Header
from processors.imaging.resolution import Problem, Resolution
from processors.master_finding import Finding
from processors.page_files import extension_of
from processors.profile import ImagesPolicy, Policy, Profile

MAX_SAMPLES = 16
"""Maximum number of samples per pixel: colours, alpha, and extra channels of a scanner."""
MAX_PROBLEMS_LISTED = 8
"""Maximum number of irregularities of one file that are listed."""
TIFF = ("tiff", "bigtiff")


def fixity_refused(measured: Digests, announced: str) -> Finding | None:
    """Why a file is not the one that was captured, or None."""
    if measured.sha256 != announced:
        found = f"SHA-256 is {measured.sha256}, expected {announced}"
        return Finding("page.fixity-mismatch", found)
    for each in measured.vendor:
        if each.found is not None and not each.agrees:
            found = f"{each.algorithm} is {each.found}, delivered with {each.stated}"
            return Finding("page.vendor-checksum-mismatch", found)
    return None


def damaged(found: str) -> Finding:
    """A master whose structure or pixels are damaged."""
    return Finding("page.not-decodable", found[:1].upper() + found[1:])


def undecodable(error: Undecodable) -> Finding:
    """A master whose pixels are damaged, or of a kind that the decoder does not support."""
    if not error.unsupported:
        return damaged(error.found)
    found = error.found[:1].upper() + error.found[1:]
    return Finding("page.decoding-not-supported", found)


def not_shown(ambiguous: tuple[str, ...]) -> Finding | None:
    """A master whose tags do not say what its pixels show, or None."""
    if not ambiguous:
        return None
    found = f"The tags do not say what the pixels show: {_joined(ambiguous)}"
    return Finding("page.image-ambiguous", found)


def unsupported(found: str, profile: Profile, wanted: str) -> Finding:
    """A master that the profile does not accept; `wanted` is what it accepts instead."""
    fills = {"wanted": wanted, "profile": profile.name}
    return Finding("page.format-not-supported", found[:1].upper() + found[1:], fills)


def not_an_image(described: str, original_name: str, profile: Profile) -> Finding:
    """A file without the signature of a format: a damaged image if its name is that of one."""
    if described == EMPTY:
        return damaged("the file is empty")
    if extension_of(original_name) in image_extensions() or described != UNKNOWN:
        return damaged(f"the file is not an image, but {described}")
    return unsupported("the file is in an unknown format", profile, _formats(profile))


def _formats(profile: Profile) -> str:
    return f"in one of the formats {', '.join(profile.formats)}"


def format_refused(format_: Format, profile: Profile) -> Finding | None:
    """Why a format is not accepted, or None."""
    if format_.family not in profile.formats:
        puid = f" (PRONOM {format_.puid})" if format_.puid else ""
        return unsupported(f"the file is {format_.name}{puid}", profile, _formats(profile))
    return None


def header_refused(header: Header, size_bytes: int, profile: Profile) -> Finding | None:
    """Why an image is not decoded, or None; limits are checked first."""
    limits = profile.limits
    pixels = header.width_px * header.height_px
    measured = (
        (header.width_px, limits.max_width_px, "pixels wide"),
        (header.height_px, limits.max_height_px, "pixels high"),
        (pixels, limits.max_pixels, "pixels"),
        (size_bytes, limits.max_bytes, "bytes"),
    )
    for value, limit, unit in measured:
        if value > limit:
            return Finding("page.too-large", f"{value} {unit}, the limit is {limit}")
    if header.samples_per_pixel > MAX_SAMPLES:
        found = f"{header.samples_per_pixel} samples per pixel, the limit is {MAX_SAMPLES}"
        return unsupported(found, profile, f"with at most {MAX_SAMPLES} samples per pixel")
    kinds = (
        (header.compression, profile.compressions, "compression"),
        (header.bits_per_sample, profile.bits_per_sample, "bits per sample"),
        (header.colour_space, profile.colour_spaces, "colour space"),
    )
    for kind, accepted, name in kinds:
        if kind not in accepted:
            listed = ", ".join(str(each) for each in accepted)
            found = f"{name} {kind}; profile {profile.name} accepts {listed}"
            return unsupported(found, profile, f"with {name} {_one_of(accepted)}")
    return None


def _one_of(accepted: Sequence[object]) -> str:
    """The values as a choice, such as `1, 8 or 16`."""
    *others, last = (str(each) for each in accepted)
    return f"{', '.join(others)} or {last}" if others else last


@dataclass(frozen=True)
class DecodedMaster:
    """The properties of a master whose pixels were decoded."""

    format: Format
    header: Header
    resolution: Resolution
    icc_profile: str | None
    """The name that the embedded ICC profile states."""
    irregular: tuple[str, ...] = ()
    """Rules of its format that the file violates."""
    ambiguous: tuple[str, ...] = ()
    """Why the file does not say what its pixels show."""
    pixels: Decoded = field(default_factory=Decoded)
    """What decoding every pixel showed."""


def findings(original_name: str, master: DecodedMaster, profile: Profile) -> tuple[Finding, ...]:
    """The problems of a decodable master, each a warning or a refusal as the profile says."""
    header, resolution = master.header, master.resolution
    checks = (
        (not_shown(master.ambiguous), profile.ambiguous_image),
        (_irregular(master), profile.irregular_tiff),
        (_unusual(master), profile.unusual_structure),
        (_resolution(resolution), profile.unknown_resolution),
        (_not_square(resolution), profile.pixels_not_square),
        (_low_resolution(resolution, profile), profile.low_resolution),
        (_no_icc(header), profile.missing_icc),
        (_unusable_icc(header), _warn_or_refuse(profile.missing_icc)),
        (_lossy(header), profile.lossy_master),
        (_more_images(header), _one_page(profile.more_images)),
        (_turned(header), profile.turned),
        (_extension(original_name, master.format), profile.other_extension),
    )
    return tuple(
        replace(found, refused=policy == "refuse")
        for found, policy in checks
        if found is not None and policy != "accept"
    )


def _warn_or_refuse(policy: Policy) -> Policy:
    """A misleading ICC profile is reported even where none is required."""
    return "warn" if policy == "accept" else policy


def _irregular(master: DecodedMaster) -> Finding | None:
    if not master.irregular or master.format.family not in TIFF:
        return None
    found = f"Every pixel was decoded, but the file violates TIFF 6.0: {_joined(master.irregular)}"
    return Finding("page.structure-irregular", found)


def _unusual(master: DecodedMaster) -> Finding | None:
    of_other_formats = () if master.format.family in TIFF else master.irregular
    problems = (*of_other_formats, *master.pixels.irregular)
    if not problems:
        return None
    found = f"Every pixel was decoded, but the structure is unusual: {_joined(problems)}"
    return Finding("page.structure-unusual", found)


def _joined(problems: tuple[str, ...]) -> str:
    more = (
        f"; and {len(problems) - MAX_PROBLEMS_LISTED} more"
        if len(problems) > MAX_PROBLEMS_LISTED
        else ""
    )
    return "; ".join(problems[:MAX_PROBLEMS_LISTED]) + more


def _resolution(resolution: Resolution) -> Finding | None:
    if resolution.problem in (None, Problem.NOT_SQUARE):
        return None
    if resolution.problem is Problem.CONFLICTING:
        found = f"The stated resolutions differ: {resolution.text}"
        return Finding("page.resolution-conflicting", found)
    return Finding("page.resolution-unknown", "The file states no resolution with a unit")


def _not_square(resolution: Resolution) -> Finding | None:
    if resolution.problem is not Problem.NOT_SQUARE:
        return None
    found = f"The horizontal and vertical resolutions differ: {resolution.text}"
    return Finding("page.pixels-not-square", found)


def _low_resolution(resolution: Resolution, profile: Profile) -> Finding | None:
    lowest = profile.min_resolution_dpi
    stated = min(resolution.dpi or 0, resolution.vertical_dpi or 0)
    if lowest is None or not stated or stated >= lowest * 0.99:
        return None
    found = f"{stated:g} dpi; profile {profile.name} requires at least {lowest:g} dpi"
    return Finding("page.resolution-too-low", found, {"dpi": f"{lowest:g}"})


def _no_icc(header: Header) -> Finding | None:
    if header.icc is not None or header.colour_space == "bitonal":
        return None
    found = f"The {header.colour_space} master has no ICC profile, so its colours are undefined"
    return Finding("page.icc-missing", found)


def _unusable_icc(header: Header) -> Finding | None:
    """An embedded profile is damaged, or does not describe such an image."""
    if header.icc is None:
        return None
    broken = icc.damage(header.icc)
    if broken:
        return Finding("page.icc-damaged", f"The ICC profile is damaged: {broken}")
    mismatch = icc.mismatch(header.icc, header.colour_space)
    if mismatch:
        return Finding("page.icc-mismatch", f"The ICC profile does not match the image: {mismatch}")
    return None


def _lossy(header: Header) -> Finding | None:
    if not header.lossy:
        return None
    found = f"The master uses lossy compression ({header.compression})"
    return Finding("page.master-lossy", found)


def image_refused(image: int | None, profile: Profile) -> Finding | None:
    """Why one of several images of a file is no page of its own, or None."""
    if image is None or profile.more_images != "refuse":
        return None
    found = f"The page is image {image} of its file; profile {profile.name} refuses several images"
    return Finding("page.more-images", found)


def _one_page(policy: ImagesPolicy) -> Policy:
    """What happens to a file with several images that is listed as one page."""
    return "refuse" if policy == "pages" else policy


def _more_images(header: Header) -> Finding | None:
    if header.images == 1:
        return None
    found = f"The file contains {header.images} images; only the first is decoded and displayed"
    return Finding("page.more-images", found)


def _turned(header: Header) -> Finding | None:
    if header.orientation == 1:
        return None
    found = f"The orientation tag is {header.orientation}; the master is stored unchanged"
    return Finding("page.orientation-set", found)


def _extension(original_name: str, format_: Format) -> Finding | None:
    extension = extension_of(original_name)
    if not extension or extension in format_.extensions:
        return None
    found = f"The extension is .{extension}, the file is {format_.name}"
    return Finding("page.extension-differs", found, {"extension": format_.extensions[0]})
