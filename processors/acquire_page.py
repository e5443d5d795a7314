"""Stores the capture of a page as its master and validates it."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from processors import master_rules
from processors.delivered_checksums import Checksum, compute_digests
from processors.header_check import Judgement, describe_header, identify_page
from processors.imaging.decode import vips_version
from processors.imaging.decoding_result import Undecodable
from processors.imaging.format_identification import Format
from processors.imaging.header import DamagedHeader
from processors.imaging.image_of_file import count_images, image_alone
from processors.imaging.pixel_check import decode_all_pixels
from processors.imaging.pixel_digest import pixels_digest
from processors.master_finding import Finding
from processors.master_rules import DecodedMaster
from processors.outcome import Done, Outcome, Rejected, StorageError, rejected
from processors.page_files import file_for, profile_of
from processors.profile import Profile
from processors.tools import Area, Tools
from schemas.models import Act, Agent, FileRef, PageAcquired, PageAdmitted

EXECUTING = "executing program"


def acquire_page(page: PageAdmitted, tools: Tools) -> Outcome:
    """Store the master of one page, then validate it.

    A refused master stays stored. Only bytes with a wrong checksum are not stored."""
    capture = file_for("capture", page.files)
    profile = profile_of(page.files, tools.storage)
    tools.progress("fixity")
    staged = tools.storage.path(capture)
    digests = compute_digests(staged, page.vendor_checksums)
    refused = master_rules.fixity_refused(digests, capture.sha256)
    if refused:
        return _rejected(page, refused)
    master = tools.storage.keep(
        staged, area=Area.MASTERS, use="master", media_type=capture.media_type
    )
    _verify_stored(master, capture.sha256, tools)
    return _validate(page, master, profile, digests.vendor, tools)


def _verify_stored(master: FileRef, announced: str, tools: Tools) -> None:
    """Compare the stored object with the capture. Raises StorageError."""
    # If the object existed before, `keep` wrote nothing and compared nothing.
    found = compute_digests(tools.storage.path(master)).sha256
    if found != announced or master.sha256 != announced:
        raise StorageError(f"{master.key} reads back as {found}, not {announced}")


def _validate(
    page: PageAdmitted,
    master: FileRef,
    profile: Profile,
    vendor: tuple[Checksum, ...],
    tools: Tools,
) -> Outcome:
    path = tools.storage.path(master)
    page = page.model_copy(update={"image": _image_of(page, path)})
    one = OneImage(page.image, tools.scratch)
    judged = judge(path, page.original_name, profile, tools.progress, one)
    if judged.refused or judged.master is None:
        return _rejected(page, judged.refused)
    decoded, found = judged.master, judged.findings
    master = master.model_copy(update={"media_type": decoded.format.media_type})
    acts = _acts(master, decoded, found, vendor, page.image)
    if page.capture is not None and page.image is None:
        # Of other pages nobody computed such a digest before.
        acts += _pixels_act(path, master, decoded)
    return Done(_fact(page, master, decoded, acts, profile.optional_branches))


def _pixels_act(path: Path, master: FileRef, decoded: DecodedMaster) -> tuple[Act, ...]:
    """The digest of the pixels of a captured page, to compare it with that of the station."""
    try:
        digest = pixels_digest(path, decoded.header)
    except Undecodable:
        # Another decoder read the pixels of a layout that this one does not know.
        return ()
    if digest is None:
        return ()
    decoder = Agent(type="software", name="libvips", version=vips_version(), role=EXECUTING)
    return (
        Act(
            type="message digest calculation",
            outcome="suc",
            detail=f"SHA-256 of the pixels: {digest}.",
            agents=(decoder,),
            sources=(f"sha256:{master.sha256}",),
        ),
    )


def _image_of(page: PageAdmitted, path: Path) -> int | None:
    """The number of the page's image; None if a corrected file has the page alone."""
    if page.image is not None and page.head.revision > 1 and count_images(path) == 1:
        return None
    return page.image


@dataclass(frozen=True)
class OneImage:
    """The number of an image in a file with several, and a folder to take it out."""

    number: int | None
    scratch: Path


def judge(
    path: Path,
    original_name: str,
    profile: Profile,
    progress: Callable[[str], None],
    one: OneImage,
) -> Judgement:
    """Identify and decode the file of a page, or the image in it that is the page, and check it
    against a profile. Raises OSError."""
    progress("format")
    format_ = identify_page(path, original_name, profile)
    if isinstance(format_, Finding):
        return Judgement(None, (format_,))
    refused = master_rules.image_refused(one.number, profile)
    if refused:
        return Judgement(None, (refused,))
    try:
        with image_alone(path, one.number, one.scratch) as alone:
            decoded = _decoded(alone, format_, profile, progress)
    except DamagedHeader as damage:
        decoded = master_rules.damaged(str(damage))
    if isinstance(decoded, Finding):
        return Judgement(None, (decoded,))
    return Judgement(decoded, master_rules.findings(original_name, decoded, profile))


def _decoded(
    path: Path, format_: Format, profile: Profile, progress: Callable[[str], None]
) -> DecodedMaster | Finding:
    """The properties of a master, or why it is refused before or while it is decoded."""
    described = describe_header(path, format_, profile)
    if isinstance(described, Finding):
        return described
    progress("decoding")
    try:
        pixels = decode_all_pixels(path, described.header, format_.family)
    except DamagedHeader as damage:
        return master_rules.damaged(str(damage))
    except Undecodable as error:
        # A decoder also fails because it does not know what the pixels show.
        return master_rules.not_shown(described.ambiguous) or master_rules.undecodable(error)
    return replace(described, pixels=pixels)


def _fact(
    page: PageAdmitted,
    master: FileRef,
    decoded: DecodedMaster,
    acts: tuple[Act, ...],
    optional: tuple[str, ...],
) -> PageAcquired:
    header = decoded.header
    return PageAcquired(
        ref=page.ref,
        sequence=page.sequence,
        kind=page.kind,
        layout=page.layout,
        labels=page.labels,
        languages=page.languages,
        script=page.script,
        original_name=page.original_name,
        required_branches=page.required_branches,
        priority=page.priority,
        format_name=decoded.format.name,
        format_puid=decoded.format.puid,
        format_version=decoded.format.version,
        width_px=header.width_px,
        height_px=header.height_px,
        bits_per_sample=header.bits_per_sample,
        samples_per_pixel=header.samples_per_pixel,
        colour_space=header.colour_space,
        resolution_dpi=decoded.resolution.dpi,
        resolution_source=decoded.resolution.source,
        icc_profile=decoded.icc_profile,
        compression=header.compression,
        optional_branches=optional,
        orientation=header.orientation,
        photometric=header.photometric,
        byte_order=header.byte_order,
        icc_sha256=hashlib.sha256(header.icc).hexdigest() if header.icc else None,
        image=page.image,
        files=(master, *(file for file in page.files if file.use in ("profile", "provided-text"))),
        acts=acts,
    )


def _acts(
    master: FileRef,
    decoded: DecodedMaster,
    findings: tuple[Finding, ...],
    vendor: tuple[Checksum, ...],
    image: int | None,
) -> tuple[Act, ...]:
    """Fixity checks, format identification, validation, then one validation per warning."""
    named = f"{decoded.format.name} {decoded.format.version or ''}".strip()
    puid = f"PRONOM {decoded.format.puid}" if decoded.format.puid else "without PRONOM identifier"
    decoder = Agent(type="software", name="libvips", version=vips_version(), role=EXECUTING)
    acts = (
        Act(type="fixity check", outcome="suc", detail=_fixity_detail(master)),
        *(_vendor_checksum_act(each) for each in vendor),
        Act(type="format identification", outcome="suc", detail=f"{named}, {puid}, by signature."),
        Act(
            type="validation",
            outcome="suc",
            detail=_validation_detail(decoded, image),
            agents=(decoder,),
        ),
        *(
            Act(type="validation", outcome="war", code=finding.code, detail=f"{finding.found}.")
            for finding in findings
        ),
    )
    return tuple(act.model_copy(update={"sources": (f"sha256:{master.sha256}",)}) for act in acts)


def _fixity_detail(master: FileRef) -> str:
    return (
        "The delivered file and the stored master have the announced SHA-256: "
        f"{master.sha256}, {master.size_bytes} bytes."
    )


def _vendor_checksum_act(checksum: Checksum) -> Act:
    """The act for a checksum that matches, or whose algorithm is unknown."""
    checksum_text = f"{checksum.algorithm} {checksum.stated}"
    if checksum.agrees:
        detail = f"The file has the delivered checksum: {checksum_text}."
        return Act(type="fixity check", outcome="suc", detail=detail)
    detail = f"Not checked: {checksum_text}, as delivered. The algorithm is unknown."
    code = "page.vendor-checksum-unknown"
    return Act(type="fixity check", outcome="war", code=code, detail=detail)


def _validation_detail(decoded: DecodedMaster, image: int | None) -> str:
    which = f"Image {image} of the file: structure" if image else "Structure"
    header, unjudged = decoded.header, decoded.pixels.unjudged
    limit = f" Damage cannot be detected in {unjudged}." if unjudged else ""
    return (
        f"{which} checked, every pixel decoded: "
        f"{header.width_px} x {header.height_px} pixels of {header.samples_per_pixel} x "
        f"{header.bits_per_sample} bit, {header.colour_space}, compression {header.compression}; "
        f"resolution: {decoded.resolution.text}; ICC profile: {decoded.icc_profile or 'none'}."
        f"{limit}"
    )


def _rejected(page: PageAdmitted, finding: Finding | None) -> Rejected:
    if finding is None:
        raise ValueError("a refusal needs a finding")
    where = f"{page.original_name}, image {page.image}" if page.image else page.original_name
    return rejected(finding.code, finding.found, where, **finding.fills)
