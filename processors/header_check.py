"""Checks a page against its profile without decoding pixels; stations need no libvips for it."""

import mmap
from dataclasses import dataclass, replace
from pathlib import Path

from processors import master_rules
from processors.imaging import icc, jpeg_stream
from processors.imaging.content_description import describe_file
from processors.imaging.decoding_result import Decoded
from processors.imaging.file_identification import identify_file
from processors.imaging.format_identification import Format
from processors.imaging.header import DamagedHeader, Header
from processors.imaging.header_readers import ambiguities, irregularities, read_header
from processors.imaging.png_header import damaged_chunk
from processors.imaging.resolution import agreed_resolution
from processors.master_finding import Finding
from processors.page_facts import DecodedMaster, PageFacts
from processors.profile import Profile
from processors.profile_check import check_profile, not_accepted

PNG_END = b"IEND\xaeB\x60\x82"


@dataclass(frozen=True)
class Judgement:
    """What a page's file is, and whether the profile accepts it."""

    master: DecodedMaster | None
    findings: tuple[Finding, ...] = ()

    @property
    def refused(self) -> Finding | None:
        """Why the file is refused, or None."""
        return next((finding for finding in self.findings if finding.refused), None)


def identify_page(path: Path, original_name: str, profile: Profile) -> Format | Finding:
    """The format of a page, or why it is refused. Raises OSError."""
    format_ = identify_file(path)
    if format_ is None:
        return master_rules.not_an_image(describe_file(path), original_name, profile)
    facts = PageFacts(format=format_, family=format_.family)
    return not_accepted(facts, profile) or format_


def describe_header(path: Path, format_: Format, profile: Profile) -> DecodedMaster | Finding:
    """The properties of a master before its pixels are decoded, or why they need not be.

    Raises OSError."""
    try:
        header = read_header(path, format_.family)
        size = path.stat().st_size
        refused = not_accepted(PageFacts.of_header(format_, header, size), profile)
        if refused:
            return refused
        irregular = irregularities(path, format_.family)
        ambiguous = ambiguities(path, format_.family)
    except DamagedHeader as damage:
        return master_rules.damaged(str(damage))
    icc_name = icc.description(header.icc) if header.icc else None
    resolution = agreed_resolution(header.resolutions)
    return DecodedMaster(format_, header, size, resolution, icc_name, irregular, ambiguous)


def check_header(path: Path, original_name: str, profile: Profile) -> Judgement:
    """Check all of a page but its pixels: format, structure, header and completeness.

    Raises OSError."""
    format_ = identify_page(path, original_name, profile)
    if isinstance(format_, Finding):
        return Judgement(None, (format_,))
    master = describe_header(path, format_, profile)
    if isinstance(master, Finding):
        return Judgement(None, (master,))
    missing = missing_end(path, format_.family)
    if missing:
        return Judgement(None, (master_rules.damaged(missing),))
    master = replace(master, pixels=Decoded(_beside_the_image(path, format_.family)))
    return Judgement(master, check_profile(master.facts(original_name), profile))


def _beside_the_image(path: Path, family: str) -> tuple[str, ...]:
    """What is unusual in a JPEG beside its image, which the line reports when it decodes it."""
    if family != "jpeg":
        return ()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return jpeg_stream.irregularities(jpeg_stream.stream_of(data))


def complete_header(path: Path) -> tuple[str, Header] | str:
    """Family and header of a complete image, or what is missing, whatever a profile accepts.

    Raises OSError."""
    format_ = identify_file(path)
    if format_ is None:
        return f"the file is {describe_file(path)}"
    try:
        header = read_header(path, format_.family)
        irregularities(path, format_.family)
    except KeyError:
        return f"the file is {format_.name}"
    except DamagedHeader as damage:
        return str(damage)
    return missing_end(path, format_.family) or (format_.family, header)


def missing_end(path: Path, family: str) -> str | None:
    """What is missing at the end of a JPEG or PNG, or None; the structure of a TIFF shows it."""
    if family not in ("jpeg", "png"):
        return None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if family == "jpeg":
            return (
                None
                if jpeg_stream.stream_of(data).end is not None
                else "the end of the JPEG is missing"
            )
        if data.find(PNG_END) < 0:
            return "the end of the PNG is missing"
        return damaged_chunk(data)
