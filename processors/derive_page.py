"""Makes the reading images of a page from its master: pyramid, access image and thumbnail."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from processors import master_rules
from processors.imaging.decode import vips_version
from processors.imaging.decoding_result import Undecodable
from processors.imaging.derivatives import MEDIA_TYPES, Derivative, Master, fitted, jpeg
from processors.imaging.image_of_file import image_alone
from processors.outcome import Done, Outcome, rejected
from processors.page_files import file_for, profile_of
from processors.profile import Derivatives, Pyramid, ReadingImage
from processors.tools import Area, Tools
from schemas.models import Act, Agent, FileRef, PageAcquired, PageDerived

EXECUTING = "executing program"
NOT_FILM = ("cover", "target")
"""Kinds of page that are not film; they are not inverted in a batch of negatives."""
NAMES = {"pyramid": "Pyramid", "access": "Access image", "thumbnail": "Thumbnail"}


def derive_page(page: PageAcquired, tools: Tools) -> Outcome:
    """Make the reading images that the profile requests; none is larger than the master."""
    rules = profile_of(page.files, tools.storage).derivatives
    source = file_for("master", page.files)
    try:
        stored = tools.storage.path(source)
        with (
            TemporaryDirectory(dir=tools.scratch) as folder,
            image_alone(stored, page.image, tools.scratch) as path,
        ):
            master = Master(
                path,
                resolution_dpi=page.resolution_dpi,
                negative=rules.negatives and page.kind not in NOT_FILM,
            )
            files, acts = [], list(_warnings(master, source))
            for use, rule, derivative in _derivatives(master, rules, Path(folder), tools):
                media_type = MEDIA_TYPES[use]
                file = tools.storage.keep(
                    derivative.content, area=Area.DERIVATIVES, use=use, media_type=media_type
                )
                files.append(file)
                acts.append(_creation(file, rule, derivative, master, source))
    except Undecodable as error:
        finding = master_rules.damaged(error.found)
        return rejected(finding.code, finding.found, page.original_name)
    return Done(PageDerived(files=tuple(files), acts=tuple(acts)))


def _derivatives(
    master: Master, rules: Derivatives, folder: Path, tools: Tools
) -> Iterator[tuple[str, Pyramid | ReadingImage, Derivative]]:
    if rules.pyramid:
        tools.progress("pyramid")
        derivative = master.write_pyramid(folder / "pyramid.tif", rules.pyramid)
        yield "pyramid", rules.pyramid, derivative
    requested = (("access", rules.access), ("thumbnail", rules.thumbnail))
    jpegs = [(use, rule) for use, rule in requested if rule]
    if not jpegs:
        return
    tools.progress("reading images")
    # The master is decoded once, for the largest image; the others are made from those pixels.
    largest = master.screen_image(max(rule.long_side_px for _, rule in jpegs))
    full_px = max(largest.width, largest.height)
    for use, rule in jpegs:
        image = fitted(largest, full_px, rule.long_side_px)
        yield use, rule, jpeg(image, rule, master.dpi_at(max(image.width, image.height)))


def _creation(
    file: FileRef,
    rule: Pyramid | ReadingImage,
    derivative: Derivative,
    master: Master,
    source: FileRef,
) -> Act:
    """The act with program, source, settings and result."""
    if isinstance(rule, Pyramid):
        quality = f" of quality {rule.quality}" if rule.compression == "jpeg" else ""
        form = f"TIFF in tiles of {rule.tile_px} pixels, compression {rule.compression}{quality}"
    else:
        form = f"JPEG of quality {rule.quality}"
    details = [
        f"{derivative.width_px} x {derivative.height_px} pixels",
        form,
        f"colour: {master.colour.detail}",
    ]
    if master.has_alpha:
        details.append(
            "extra sample removed" if master.alpha is None else "transparency flattened on white"
        )
    if master.orientation != 1:
        details.append(f"rotated by orientation tag {master.orientation}")
    return Act(
        type="creation",
        outcome="suc",
        detail=f"{NAMES[file.use]}: {'; '.join(details)}.",
        agents=(Agent(type="software", name="libvips", version=vips_version(), role=EXECUTING),),
        sources=(f"sha256:{source.sha256}",),
        results=(f"sha256:{file.sha256}",),
    )


def _warnings(master: Master, source: FileRef) -> tuple[Act, ...]:
    if master.colour.unusable is None:
        return ()
    found = (
        f"The embedded ICC profile {master.colour.unusable!r} is damaged or does not match the "
        "image's colour space."
    )
    sources = (f"sha256:{source.sha256}",)
    return (
        Act(
            type="validation",
            outcome="war",
            code="page.icc-not-usable",
            detail=found,
            sources=sources,
        ),
    )
