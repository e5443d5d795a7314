"""Takes a page's capture in as its master, then judges it: fixity, format, structure, pixels."""

import hashlib
from pathlib import Path

from processors import master_rules
from processors.imaging import icc, magic
from processors.imaging.decode import Undecodable, decode_whole, vips_version
from processors.imaging.header import DamagedHeader, read_header
from processors.imaging.resolution import choose
from processors.master_rules import Finding, Seen
from processors.outcome import Done, Outcome, Rejected
from processors.page_files import file_for, profile_of
from processors.profile import Profile
from processors.tools import Area, Tools
from schemas.models import Act, Agent, FileRef, PageAcquired, PageAdmitted

EXECUTING = "executing program"


def acquire_page(page: PageAdmitted, tools: Tools) -> Outcome:
    """Store one page's master, then judge it; a master that is refused stays stored."""
    capture = file_for("capture", page.files)
    profile = profile_of(page.files, tools.storage)
    staged = tools.storage.path(capture)
    found = _sha256(staged)
    if found != capture.sha256:
        return Rejected(
            "page.fixity-mismatch",
            found=f"SHA-256 {found} instead of {capture.sha256}",
            fix=f"Send the file again as it was captured: {master_rules.RESEND}",
            where=page.original_name,
        )
    master = tools.storage.keep(
        staged, area=Area.MASTERS, use="master", media_type=capture.media_type
    )
    return _judge(page, master, profile, tools)


def _judge(page: PageAdmitted, master: FileRef, profile: Profile, tools: Tools) -> Outcome:
    path = tools.storage.path(master)
    tools.progress("format")
    format_ = magic.identify_file(path)
    unknown = master_rules.format_refused(format_, master.size_bytes, profile)
    if unknown or format_ is None:
        return _rejected(page, unknown)
    master = master.model_copy(update={"media_type": format_.media_type})
    try:
        header = read_header(path, format_.family)
        refused = master_rules.header_refused(header, master.size_bytes, profile)
        if refused:
            return _rejected(page, refused)
        tools.progress("decoding")
        usual = decode_whole(path, header, format_.family)
    except DamagedHeader as damage:
        return _rejected(page, master_rules.damaged(str(damage)))
    except Undecodable as error:
        if error.unsupported:
            return _rejected(page, master_rules.unsupported(error.found, profile))
        return _rejected(page, master_rules.damaged(error.found))
    profile_name = icc.description(header.icc) if header.icc else None
    seen = Seen(format_, header, choose(header.resolutions), profile_name, usual)
    findings = master_rules.findings(page.original_name, seen, profile)
    refused = next((finding for finding in findings if finding.refused), None)
    if refused:
        return _rejected(page, refused)
    return Done(_fact(page, master, seen, findings, profile.optional_branches))


def _fact(
    page: PageAdmitted,
    master: FileRef,
    seen: Seen,
    findings: tuple[Finding, ...],
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
        icc_sha256=hashlib.sha256(header.icc).hexdigest() if header.icc else None,
        files=(master, *(file for file in page.files if file.use in ("profile", "provided-text"))),
        acts=_acts(master, seen, findings),
    )


def _acts(master: FileRef, seen: Seen, findings: tuple[Finding, ...]) -> tuple[Act, ...]:
    """Fixity check, format identification, validation, then one validation for each warning."""
    named = f"{seen.format.name} {seen.format.version or ''}".strip()
    puid = f"PRONOM {seen.format.puid}" if seen.format.puid else "without PRONOM identifier"
    digest = f"SHA-256 {master.sha256} over {master.size_bytes} bytes, as announced."
    decoder = Agent(type="software", name="libvips", version=vips_version(), role=EXECUTING)
    acts = (
        Act(type="fixity check", outcome="suc", detail=digest),
        Act(type="format identification", outcome="suc", detail=f"{named}, {puid}, by signature."),
        Act(type="validation", outcome="suc", detail=_described(seen), agents=(decoder,)),
        *(
            Act(type="validation", outcome="war", code=finding.code, detail=finding.found)
            for finding in findings
        ),
    )
    return tuple(act.model_copy(update={"sources": (f"sha256:{master.sha256}",)}) for act in acts)


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
        raise ValueError("a page is refused for a reason")
    return Rejected(finding.code, finding.found, finding.fix, where=page.original_name)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
