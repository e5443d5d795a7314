"""Checks what is known of a page against its profile: refusals and warnings, each with its code.

The same function judges the settings of a device before a scan, the file at the station, and the
master in the line."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from processors.imaging.resolution import Problem, Resolution
from processors.master_finding import Finding
from processors.page_facts import PageFacts
from processors.page_files import extension_of
from processors.profile import ImagesPolicy, Policy, Profile

MAX_SAMPLES = 16
"""Maximum number of samples per pixel: colours, alpha, and extra channels of a scanner."""
MAX_PROBLEMS_LISTED = 8
"""Maximum number of irregularities of one file that are listed."""
TIFF = ("tiff", "bigtiff")
COLOURS = {"bitonal": 1, "greyscale": 1, "rgb": 3, "cmyk": 4}
"""Samples of a pixel that are colours."""
DEVICE = "device"
"""In `icc_profiles`: every profile that describes a scanner or camera."""
NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")


def check_profile(facts: PageFacts, profile: Profile) -> tuple[Finding, ...]:
    """The problems of a page, each a warning or a refusal as the profile says; what is not known
    is no problem. A page that the profile excludes has only that problem."""
    excluded = not_accepted(facts, profile)
    if excluded is not None:
        return (excluded,)
    return tuple(
        replace(found, refused=policy == "refuse")
        for found, policy in _by_policy(facts, profile)
        if found is not None and policy != "accept"
    )


def not_accepted(facts: PageFacts, profile: Profile) -> Finding | None:
    """Why a page need not be decoded, or None; limits are checked before other properties."""
    return _format(facts, profile) or _too_large(facts, profile) or _kind(facts, profile)


def unsupported(found: str, profile: Profile, wanted: str) -> Finding:
    """A master that the profile does not accept; `wanted` is what it accepts instead."""
    fills = {"wanted": wanted, "profile": profile.name}
    return Finding("page.format-not-supported", found[:1].upper() + found[1:], fills)


def accepted_formats(profile: Profile) -> str:
    """The formats of a profile in words."""
    return f"in one of the formats {', '.join(profile.formats)}"


def _format(facts: PageFacts, profile: Profile) -> Finding | None:
    if facts.family is None or facts.family in profile.formats:
        return None
    named = facts.family
    if facts.format is not None:
        puid = f" (PRONOM {facts.format.puid})" if facts.format.puid else ""
        named = f"{facts.format.name}{puid}"
    return unsupported(f"the file is {named}", profile, accepted_formats(profile))


def _too_large(facts: PageFacts, profile: Profile) -> Finding | None:
    limits, width, height = profile.limits, facts.width_px, facts.height_px
    pixels = width * height if width is not None and height is not None else None
    measured = (
        (width, limits.max_width_px, "pixels wide"),
        (height, limits.max_height_px, "pixels high"),
        (pixels, limits.max_pixels, "pixels"),
        (facts.size_bytes, limits.max_bytes, "bytes"),
    )
    for value, limit, unit in measured:
        if value is not None and value > limit:
            return Finding("page.too-large", f"{value} {unit}, the limit is {limit}")
    return None


def _kind(facts: PageFacts, profile: Profile) -> Finding | None:
    if facts.samples_per_pixel is not None and facts.samples_per_pixel > MAX_SAMPLES:
        found = f"{facts.samples_per_pixel} samples per pixel, the limit is {MAX_SAMPLES}"
        return unsupported(found, profile, f"with at most {MAX_SAMPLES} samples per pixel")
    kinds: tuple[tuple[object, Sequence[object], str], ...] = (
        (facts.compression, profile.compressions, "compression"),
        (facts.bits_per_sample, profile.bits_per_sample, "bits per sample"),
        (facts.colour_space, profile.colour_spaces, "colour space"),
    )
    for kind, accepted, name in kinds:
        if kind is not None and kind not in accepted:
            listed = ", ".join(str(each) for each in accepted)
            found = f"{name} {kind}; profile {profile.name} accepts {listed}"
            return unsupported(found, profile, f"with {name} {_one_of(accepted)}")
    return None


def _one_of(accepted: Sequence[object]) -> str:
    """The values as a choice, such as `1, 8 or 16`."""
    *others, last = (str(each) for each in accepted)
    return f"{', '.join(others)} or {last}" if others else last


def _by_policy(facts: PageFacts, profile: Profile) -> Iterator[tuple[Finding | None, Policy]]:
    """Each problem with what the profile says about it, in the order in which they are reported."""
    yield not_shown(facts.ambiguous), profile.ambiguous_image
    yield _irregular(facts), profile.irregular_tiff
    yield _unusual(facts), profile.unusual_structure
    yield _resolution(facts.resolution), profile.unknown_resolution
    yield _not_square(facts.resolution), profile.pixels_not_square
    yield _low_resolution(facts.resolution, profile), profile.low_resolution
    yield _no_icc(facts), profile.missing_icc
    yield _unusable_icc(facts), _warn_or_refuse(profile.missing_icc)
    yield _foreign_icc(facts, profile), profile.foreign_icc
    yield _lossy(facts), profile.lossy_master
    yield _palette(facts), profile.unusual_layout
    yield _extra_samples(facts), profile.unusual_layout
    yield _separate_planes(facts), profile.unusual_layout
    yield _more_images(facts), _one_page(profile.more_images)
    yield _turned(facts), profile.turned
    yield _extension(facts), profile.other_extension


def _warn_or_refuse(policy: Policy) -> Policy:
    """A misleading ICC profile is reported even where none is required."""
    return "warn" if policy == "accept" else policy


def _one_page(policy: ImagesPolicy) -> Policy:
    """What happens to a file with several images that is listed as one page."""
    return "refuse" if policy == "pages" else policy


def not_shown(ambiguous: tuple[str, ...]) -> Finding | None:
    """A master whose tags do not say what its pixels show, or None."""
    if not ambiguous:
        return None
    found = f"The tags do not say what the pixels show: {_joined(ambiguous)}"
    return Finding("page.image-ambiguous", found)


def _irregular(facts: PageFacts) -> Finding | None:
    if not facts.irregular or facts.family not in TIFF:
        return None
    found = f"Every pixel was decoded, but the file violates TIFF 6.0: {_joined(facts.irregular)}"
    return Finding("page.structure-irregular", found)


def _unusual(facts: PageFacts) -> Finding | None:
    of_other_formats = () if facts.family in TIFF else facts.irregular
    problems = (*of_other_formats, *facts.pixels.irregular)
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


def _resolution(resolution: Resolution | None) -> Finding | None:
    if resolution is None or resolution.problem in (None, Problem.NOT_SQUARE):
        return None
    if resolution.problem is Problem.CONFLICTING:
        found = f"The stated resolutions differ: {resolution.text}"
        return Finding("page.resolution-conflicting", found)
    return Finding("page.resolution-unknown", "The file states no resolution with a unit")


def _not_square(resolution: Resolution | None) -> Finding | None:
    if resolution is None or resolution.problem is not Problem.NOT_SQUARE:
        return None
    found = f"The horizontal and vertical resolutions differ: {resolution.text}"
    return Finding("page.pixels-not-square", found)


def _low_resolution(resolution: Resolution | None, profile: Profile) -> Finding | None:
    lowest = profile.min_resolution_dpi
    if lowest is None or resolution is None:
        return None
    stated = min(resolution.dpi or 0, resolution.vertical_dpi or 0)
    if not stated or stated >= lowest * (1 - profile.resolution_tolerance):
        return None
    found = f"{stated:g} dpi; profile {profile.name} requires at least {lowest:g} dpi"
    return Finding("page.resolution-too-low", found, {"dpi": f"{lowest:g}"})


def _no_icc(facts: PageFacts) -> Finding | None:
    if not facts.icc_known or facts.icc is not None or facts.colour_space == "bitonal":
        return None
    found = f"The {facts.colour_space} master has no ICC profile, so its colours are undefined"
    return Finding("page.icc-missing", found)


def _unusable_icc(facts: PageFacts) -> Finding | None:
    """An embedded profile is damaged, or does not describe such an image."""
    if facts.icc is None:
        return None
    if facts.icc.damage:
        return Finding("page.icc-damaged", f"The ICC profile is damaged: {facts.icc.damage}")
    if facts.icc.mismatch:
        found = f"The ICC profile does not match the image: {facts.icc.mismatch}"
        return Finding("page.icc-mismatch", found)
    return None


def _foreign_icc(facts: PageFacts, profile: Profile) -> Finding | None:
    """A usable profile that is not one of those that the profile lists."""
    if facts.icc is None or facts.icc.damage or facts.icc.mismatch or not profile.icc_profiles:
        return None
    accepted = profile.icc_profiles
    if DEVICE in accepted and facts.icc.of_device:
        return None
    if any(_plain(one) == _plain(facts.icc.name) for one in accepted if one != DEVICE):
        return None
    found = f"The ICC profile is {facts.icc.name!r}; profile {profile.name} accepts "
    wanted = _one_of([one if one != DEVICE else "that of the device" for one in accepted])
    return Finding("page.icc-not-accepted", found + ", ".join(accepted), {"wanted": wanted})


def _plain(name: str) -> str:
    """A name without spaces and marks, which writers vary."""
    return NOT_IN_NAMES.sub("", name.lower())


def _lossy(facts: PageFacts) -> Finding | None:
    if not facts.lossy:
        return None
    found = f"The master uses lossy compression ({facts.compression})"
    return Finding("page.master-lossy", found)


def _palette(facts: PageFacts) -> Finding | None:
    if not facts.palette:
        return None
    return Finding("page.palette-image", "The pixels are numbers of colours in a palette")


def _extra_samples(facts: PageFacts) -> Finding | None:
    samples, colours = facts.samples_per_pixel, COLOURS.get(facts.colour_space or "")
    if samples is None or colours is None or facts.palette or samples <= colours:
        return None
    found = f"{samples} samples per pixel, {facts.colour_space} has {colours}"
    return Finding("page.extra-samples", found)


def _separate_planes(facts: PageFacts) -> Finding | None:
    if not facts.separate_planes:
        return None
    return Finding("page.planes-separate", "Each colour is stored in a plane of its own")


def _more_images(facts: PageFacts) -> Finding | None:
    if facts.images is None or facts.images == 1:
        return None
    found = f"The file contains {facts.images} images; only the first is decoded and displayed"
    return Finding("page.more-images", found)


def _turned(facts: PageFacts) -> Finding | None:
    if facts.orientation is None or facts.orientation == 1:
        return None
    found = f"The orientation tag is {facts.orientation}; the master is stored unchanged"
    return Finding("page.orientation-set", found)


def _extension(facts: PageFacts) -> Finding | None:
    if facts.original_name is None or facts.format is None:
        return None
    extension = extension_of(facts.original_name)
    if not extension or extension in facts.format.extensions:
        return None
    found = f"The extension is .{extension}, the file is {facts.format.name}"
    return Finding("page.extension-differs", found, {"extension": facts.format.extensions[0]})
