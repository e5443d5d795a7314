"""Makes reading images of a page from its master: pyramid, access image, thumbnail."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from processors import master_rules
from processors.imaging.decode import Undecodable, vips_version
from processors.imaging.derivatives import MEDIA_TYPES, Made, Master, fitted, jpeg
from processors.outcome import Done, Outcome, rejected
from processors.page_files import file_for, profile_of
from processors.profile import Derivatives, Pyramid, ReadingImage
from processors.tools import Area, Tools
from schemas.models import Act, Agent, FileRef, PageAcquired, PageDerived

EXECUTING = "executing program"
NEVER_NEGATIVE = ("cover", "target")
"""Kinds that show no film: sleeves and targets among negatives are what they look like."""
NAMES = {"pyramid": "Pyramid", "access": "Access image", "thumbnail": "Thumbnail"}


def derive_page(page: PageAcquired, tools: Tools) -> Outcome:
    """Make the reading images that the profile asks for; none is larger than the master."""
    rules = profile_of(page.files, tools.storage).derivatives
    source = file_for("master", page.files)
    try:
        with TemporaryDirectory(dir=tools.scratch) as folder:
            master = Master(
                tools.storage.path(source),
                resolution_dpi=page.resolution_dpi,
                negative=rules.negatives and page.kind not in NEVER_NEGATIVE,
            )
            files, acts = [], list(_warnings(master, source))
            for use, rule, made in _made(master, rules, Path(folder), tools):
                media_type = MEDIA_TYPES[use]
                file = tools.storage.keep(
                    made.content, area=Area.DERIVATIVES, use=use, media_type=media_type
                )
                files.append(file)
                acts.append(_creation(file, rule, made, master, source))
    except Undecodable as error:
        finding = master_rules.damaged(error.found)
        return rejected(finding.code, finding.found, page.original_name)
    return Done(PageDerived(files=tuple(files), acts=tuple(acts)))


def _made(
    master: Master, rules: Derivatives, folder: Path, tools: Tools
) -> Iterator[tuple[str, Pyramid | ReadingImage, Made]]:
    if rules.pyramid:
        tools.progress("pyramid")
        made = master.write_pyramid(folder / "pyramid.tif", rules.pyramid)
        yield "pyramid", rules.pyramid, made
    asked = (("access", rules.access), ("thumbnail", rules.thumbnail))
    jpegs = [(use, rule) for use, rule in asked if rule]
    if not jpegs:
        return
    tools.progress("reading images")
    # Decoded once, for the largest; the others are made from its pixels, not from its JPEG.
    largest = master.screen_image(max(rule.long_side_px for _, rule in jpegs))
    full_px = max(largest.width, largest.height)
    for use, rule in jpegs:
        image = fitted(largest, full_px, rule.long_side_px)
        yield use, rule, jpeg(image, rule, master.dpi_at(max(image.width, image.height)))


def _creation(
    file: FileRef, rule: Pyramid | ReadingImage, made: Made, master: Master, source: FileRef
) -> Act:
    """The act that says by what, from what, how and into what."""
    if isinstance(rule, Pyramid):
        quality = f" of quality {rule.quality}" if rule.compression == "jpeg" else ""
        form = f"TIFF in tiles of {rule.tile_px} pixels, compression {rule.compression}{quality}"
    else:
        form = f"JPEG of quality {rule.quality}"
    told = [f"{made.width_px} x {made.height_px} pixels", form, f"colour: {master.colour.told}"]
    if master.has_alpha:
        told.append("fourth sample left out" if master.alpha is None else "transparency on white")
    if master.orientation != 1:
        told.append(f"turned upright by orientation {master.orientation}")
    return Act(
        type="creation",
        outcome="suc",
        detail=f"{NAMES[file.use]}: {'; '.join(told)}.",
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
