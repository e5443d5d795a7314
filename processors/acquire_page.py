"""Takes a page's capture in as its master, then judges it: format, structure, pixels, colour."""

import hashlib

from processors import master_rules
from processors.delivered_checksums import Checksum, measure
from processors.imaging import icc
from processors.imaging.decode import Undecodable, decode_whole, vips_version
from processors.imaging.file_identification import identify_file
from processors.imaging.header import DamagedHeader
from processors.imaging.header_readers import irregularities, read_header
from processors.imaging.resolution import choose
from processors.master_rules import Finding, Seen
from processors.outcome import Done, Outcome, Rejected, StorageError, rejected
from processors.page_files import file_for, profile_of
from processors.profile import Profile
from processors.tools import Area, Tools
from schemas.models import Act, Agent, FileRef, PageAcquired, PageAdmitted

EXECUTING = "executing program"


def acquire_page(page: PageAdmitted, tools: Tools) -> Outcome:
    """Store one page's master, then judge it; a master that is refused stays stored.

    Only bytes other than those that were captured are not stored at all."""
    capture = file_for("capture", page.files)
    profile = profile_of(page.files, tools.storage)
    tools.progress("fixity")
    staged = tools.storage.path(capture)
    measured = measure(staged, page.vendor_checksums)
    wrong = master_rules.fixity_refused(measured, capture.sha256)
    if wrong:
        return _rejected(page, wrong)
    master = tools.storage.keep(
        staged, area=Area.MASTERS, use="master", media_type=capture.media_type
    )
    _read_again(master, capture.sha256, tools)
    return _judge(page, master, profile, measured.vendor, tools)


def _read_again(master: FileRef, announced: str, tools: Tools) -> None:
    """See that the store gives back what was captured. Raises StorageError."""
    # Also when the object was there before: then `keep` wrote nothing, and nothing was compared.
    found = measure(tools.storage.path(master)).sha256
    if found != announced or master.sha256 != announced:
        raise StorageError(f"{master.key} reads back as {found}, not {announced}")


def _judge(
    page: PageAdmitted,
    master: FileRef,
    profile: Profile,
    vendor: tuple[Checksum, ...],
    tools: Tools,
) -> Outcome:
    path = tools.storage.path(master)
    tools.progress("format")
    format_ = identify_file(path)
    unknown = master_rules.format_refused(format_, master.size_bytes, profile)
    if unknown or format_ is None:
        return _rejected(page, unknown)
    master = master.model_copy(update={"media_type": format_.media_type})
    try:
        header = read_header(path, format_.family)
        refused = master_rules.header_refused(header, master.size_bytes, profile)
        if refused:
            return _rejected(page, refused)
        irregular = irregularities(path, format_.family)
        tools.progress("decoding")
        complaint = decode_whole(path, header, format_.family)
    except DamagedHeader as damage:
        return _rejected(page, master_rules.damaged(str(damage)))
    except Undecodable as error:
        if error.unsupported:
            return _rejected(page, master_rules.unsupported(error.found, profile))
        return _rejected(page, master_rules.damaged(error.found))
    profile_name = icc.description(header.icc) if header.icc else None
    seen = Seen(format_, header, choose(header.resolutions), profile_name, irregular, complaint)
    findings = master_rules.findings(page.original_name, seen, profile)
    refused = next((finding for finding in findings if finding.refused), None)
    if refused:
        return _rejected(page, refused)
    acts = _acts(master, seen, findings, vendor)
    return Done(_fact(page, master, seen, acts, profile.optional_branches))


def _fact(
    page: PageAdmitted,
    master: FileRef,
    seen: Seen,
    acts: tuple[Act, ...],
    optional: tuple[str, ...],
) -> PageAcquired:
    header = seen.header
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
        format_name=seen.format.name,
        format_puid=seen.format.puid,
        format_version=seen.format.version,
        width_px=header.width_px,
        height_px=header.height_px,
        bits_per_sample=header.bits_per_sample,
        samples_per_pixel=header.samples_per_pixel,
        colour_space=header.colour_space,
        resolution_dpi=seen.resolution.dpi,
        resolution_source=seen.resolution.source,
        icc_profile=seen.icc_profile,
        compression=header.compression,
        optional_branches=optional,
        orientation=header.orientation,
        photometric=header.photometric,
        byte_order=header.byte_order,
        icc_sha256=hashlib.sha256(header.icc).hexdigest() if header.icc else None,
        files=(master, *(file for file in page.files if file.use in ("profile", "provided-text"))),
        acts=acts,
    )


def _acts(
    master: FileRef, seen: Seen, findings: tuple[Finding, ...], vendor: tuple[Checksum, ...]
) -> tuple[Act, ...]:
    """Fixity checks, format identification, validation, then one validation for each warning."""
    named = f"{seen.format.name} {seen.format.version or ''}".strip()
    puid = f"PRONOM {seen.format.puid}" if seen.format.puid else "without PRONOM identifier"
    decoder = Agent(type="software", name="libvips", version=vips_version(), role=EXECUTING)
    acts = (
        Act(type="fixity check", outcome="suc", detail=_fixity_told(master)),
        *(_vendor_act(each) for each in vendor),
        Act(type="format identification", outcome="suc", detail=f"{named}, {puid}, by signature."),
        Act(type="validation", outcome="suc", detail=_described(seen), agents=(decoder,)),
        *(
            Act(type="validation", outcome="war", code=finding.code, detail=f"{finding.found}.")
            for finding in findings
        ),
    )
    return tuple(act.model_copy(update={"sources": (f"sha256:{master.sha256}",)}) for act in acts)


def _fixity_told(master: FileRef) -> str:
    announced = f"SHA-256 {master.sha256} over {master.size_bytes} bytes, as announced"
    return f"{announced}: read once as delivered and once more from the store."


def _vendor_act(checksum: Checksum) -> Act:
    """The act of a checksum that agreed, or that could not be computed."""
    told = f"{checksum.algorithm} {checksum.stated}"
    if checksum.agrees:
        detail = f"{told}, as delivered beside the file: the file as delivered has the same."
        return Act(type="fixity check", outcome="suc", detail=detail)
    detail = f"{told}, as delivered beside the file: not checked, the algorithm is not known here."
    code = "page.vendor-checksum-unknown"
    return Act(type="fixity check", outcome="war", code=code, detail=detail)


def _described(seen: Seen) -> str:
    header = seen.header
    return (
        "Structure followed and every pixel decoded: "
        f"{header.width_px} x {header.height_px} pixels of {header.samples_per_pixel} x "
        f"{header.bits_per_sample} bit, {header.colour_space}, compression {header.compression}; "
        f"resolution: {seen.resolution.told}; ICC profile: {seen.icc_profile or 'none'}."
    )


def _rejected(page: PageAdmitted, finding: Finding | None) -> Rejected:
    if finding is None:
        raise ValueError("a page is refused without a finding")
    return rejected(finding.code, finding.found, page.original_name, **finding.fills)
