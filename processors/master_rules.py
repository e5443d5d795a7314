"""What a profile has to say about one master: refusals and warnings, with code and cure."""

from dataclasses import dataclass

from processors.delivered_checksums import Measured
from processors.imaging import icc
from processors.imaging.format_identification import Format
from processors.imaging.header import Header
from processors.imaging.resolution import Chosen, Problem
from processors.page_files import extension_of
from processors.profile import Policy, Profile

RESEND = "release it with: copystand quarantine release ID --file FILE --by P --reason R"


MOST_SAMPLES = 16
"""Samples of a pixel that are taken: colours, alpha, and what else a scanner saw."""
MOST_TOLD = 8
"""Irregularities of one file that are told one by one."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or unusual about a master."""

    code: str
    found: str
    fix: str
    refused: bool = True


def fixity_refused(measured: Measured, announced: str) -> Finding | None:
    """Why a file is not the one that was captured, or None."""
    resend = f"Send the file again as it was captured: {RESEND}"
    if measured.sha256 != announced:
        found = f"SHA-256 {measured.sha256} instead of {announced}"
        return Finding("page.fixity-mismatch", found, resend)
    for each in measured.vendor:
        if each.found is not None and not each.agrees:
            found = f"{each.algorithm} {each.found}, delivered with {each.stated}"
            return Finding("page.vendor-checksum-mismatch", found, resend)
    return None


def damaged(found: str) -> Finding:
    """A master whose structure or pixels are broken."""
    fix = f"Capture the page again or find an undamaged copy, then: {RESEND}"
    return Finding("page.not-decodable", found[:1].upper() + found[1:], fix)


def unsupported(found: str, profile: Profile) -> Finding:
    """A master of a kind that the profile or the decoder does not take."""
    taken = ", ".join(profile.formats)
    fix = f"Deliver the page in one of {taken}, as profile {profile.name} says, then: {RESEND}"
    return Finding("page.format-not-supported", found[:1].upper() + found[1:], fix)


def format_refused(format_: Format | None, size_bytes: int, profile: Profile) -> Finding | None:
    """Why a format is not taken, or None."""
    if size_bytes == 0:
        return damaged("the file is empty")
    if format_ is None:
        return unsupported("the file's first bytes are those of no known format", profile)
    if format_.family not in profile.formats:
        puid = f" (PRONOM {format_.puid})" if format_.puid else ""
        return unsupported(f"the file is {format_.name}{puid}", profile)
    return None


def header_refused(header: Header, size_bytes: int, profile: Profile) -> Finding | None:
    """Why an image is not even decoded, or None; limits come first."""
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
            fix = f"Raise the limit in the profile, or split the page and send it: {RESEND}"
            return Finding("page.too-large", f"{value} {unit}, the limit is {limit}", fix)
    if header.samples_per_pixel > MOST_SAMPLES:
        found = f"{header.samples_per_pixel} samples per pixel; no more than {MOST_SAMPLES} are"
        return unsupported(f"{found} taken", profile)
    kinds = (
        (header.compression, profile.compressions, "compression"),
        (header.bits_per_sample, profile.bits_per_sample, "bits per sample:"),
        (header.colour_space, profile.colour_spaces, "colour space"),
    )
    for kind, taken, name in kinds:
        if kind not in taken:
            known = ", ".join(str(each) for each in taken)
            return unsupported(f"{name} {kind}; profile {profile.name} takes {known}", profile)
    return None


@dataclass(frozen=True)
class Seen:
    """What was found out about one master that can be decoded."""

    format: Format
    header: Header
    resolution: Chosen
    icc_profile: str | None
    """The embedded ICC profile's own name."""
    irregular: tuple[str, ...] = ()
    """Rules of its format that it breaks."""
    complaint: str | None = None
    """What the decoder complained of, though every pixel is sound."""


def findings(original_name: str, seen: Seen, profile: Profile) -> tuple[Finding, ...]:
    """What is unusual about a sound master, each a warning or a refusal as the profile says."""
    header, resolution = seen.header, seen.resolution
    checks = (
        (_irregular(seen), profile.irregular_tiff),
        (_unusual(seen), profile.unusual_structure),
        (_resolution(resolution), profile.unknown_resolution),
        (_low_resolution(resolution, profile), profile.low_resolution),
        (_no_icc(header), profile.missing_icc),
        (_unfit_icc(header), _at_least_told(profile.missing_icc)),
        (_lossy(header), profile.lossy_master),
        (_more_images(header), profile.more_images),
        (_turned(header), profile.turned),
        (_extension(original_name, seen.format), profile.other_extension),
    )
    return tuple(
        Finding(*found, refused=_refuses(policy))
        for found, policy in checks
        if found is not None and policy != "accept"
    )


def _at_least_told(policy: Policy) -> Policy:
    """A profile that misleads is told even where none is asked for."""
    return "warn" if policy == "accept" else policy


def _refuses(policy: Policy) -> bool:
    return policy == "refuse"


Told = tuple[str, str, str] | None
"""Code, what was found, what to do."""


def _irregular(seen: Seen) -> Told:
    if not seen.irregular or seen.format.family not in ("tiff", "bigtiff"):
        return None
    found = f"Every pixel was decoded, but TIFF 6.0 is broken: {_few(seen.irregular)}."
    return "page.structure-irregular", found, f"Write the file again with sound tags: {RESEND}"


def _unusual(seen: Seen) -> Told:
    of_other_formats = () if seen.format.family in ("tiff", "bigtiff") else seen.irregular
    complaint = (f"the decoder complains of {seen.complaint}",) if seen.complaint else ()
    told = (*of_other_formats, *complaint)
    if not told:
        return None
    found = f"Every pixel was decoded, but the structure is unusual: {_few(told)}."
    return "page.structure-unusual", found, f"Write the file again with a current program: {RESEND}"


def _few(told: tuple[str, ...]) -> str:
    more = f"; and {len(told) - MOST_TOLD} more" if len(told) > MOST_TOLD else ""
    return "; ".join(told[:MOST_TOLD]) + more


def _resolution(resolution: Chosen) -> Told:
    if resolution.problem is None:
        return None
    fix = f"Write the true resolution into the file, then: {RESEND}"
    if resolution.problem is Problem.CONFLICTING:
        found = f"Statements about the resolution differ: {resolution.told}; none was taken."
        return "page.resolution-conflicting", found, fix
    return "page.resolution-unknown", "The file states no resolution with a unit.", fix


def _low_resolution(resolution: Chosen, profile: Profile) -> Told:
    lowest = profile.min_resolution_dpi
    if lowest is None or resolution.dpi is None or resolution.dpi >= lowest * 0.99:
        return None
    found = f"{resolution.dpi:g} dpi; profile {profile.name} asks for {lowest:g} or more."
    return "page.resolution-too-low", found, f"Capture the page again at {lowest:g} dpi: {RESEND}"


def _no_icc(header: Header) -> Told:
    if header.icc is not None or header.colour_space == "bitonal":
        return None
    found = f"A {header.colour_space} master without an ICC profile: its colours are not defined."
    return "page.icc-missing", found, f"Embed the scanner's ICC profile, then: {RESEND}"


def _unfit_icc(header: Header) -> Told:
    """An embedded profile is damaged, or says nothing about such an image."""
    if header.icc is None:
        return None
    fix = f"Embed the scanner's own ICC profile, whole, then: {RESEND}"
    broken = icc.damage(header.icc)
    if broken:
        return "page.icc-damaged", f"The ICC profile is damaged: {broken}.", fix
    unfit = icc.mismatch(header.icc, header.colour_space)
    if unfit:
        return "page.icc-mismatch", f"The ICC profile does not fit the image: {unfit}.", fix
    return None


def _lossy(header: Header) -> Told:
    if not header.lossy:
        return None
    found = f"The master is compressed with loss ({header.compression})."
    return "page.master-lossy", found, f"Deliver a master compressed without loss: {RESEND}"


def _more_images(header: Header) -> Told:
    if header.images == 1:
        return None
    found = f"The file holds {header.images} images; only the first is decoded, read and shown."
    return "page.more-images", found, f"Deliver one file for each image, then: {RESEND}"


def _turned(header: Header) -> Told:
    if header.orientation == 1:
        return None
    found = f"The orientation tag is {header.orientation}: shown and read turned, kept as it is."
    return "page.orientation-set", found, f"Store the pixels upright, then: {RESEND}"


def _extension(original_name: str, format_: Format) -> Told:
    extension = extension_of(original_name)
    if not extension or extension in format_.extensions:
        return None
    found = f"The name ends in .{extension}, the file is {format_.name}."
    return "page.extension-differs", found, f"Name the file .{format_.extensions[0]}: {RESEND}"
