"""Recognises the text of a page with Tesseract; outputs have the pixels of the master."""

from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from tempfile import TemporaryDirectory

from processors import delivered_text
from processors.imaging.decode import FILM_DPI, GreyCopy, vips_version, write_grey_copy
from processors.imaging.format_identification import packaged_name
from processors.ocr import engine as ocr
from processors.ocr import languages
from processors.ocr.alto import Origin, alto_for_master
from processors.ocr.coordinates import Scale, hocr_for_master, pdf_with_fixed_date, tsv_for_master
from processors.ocr.orientation import BestReading, Image, read_in_best_orientation
from processors.outcome import Done, ErrorClass, Outcome, TryLater, rejected
from processors.page_files import file_for, profile_of
from processors.profile import Profile
from processors.tools import Area, Tools
from schemas.models import Act, Agent, FileRef, PageAcquired, PageRecognized

NOT_READ = ("target", "blank", "missing")
"""Kinds of page without text of the item."""
EXECUTING = "executing program"
TEXT, XML = "text/plain", "application/xml"
MAX_SIDE_PX = 32_000
"""Tesseract refuses images with a side of more than 32,767 pixels."""
MAX_PIXELS = 200_000_000
"""A larger copy is reduced, because Tesseract needs about 10 bytes per pixel."""


def recognize_page(page: PageAcquired, tools: Tools) -> Outcome:
    """Recognise the text of one page, or take over the ALTO delivered with it.

    A page of a kind that is not read gets no files."""
    profile = profile_of(page.files, tools.storage)
    delivered = next((file for file in page.files if file.use == "provided-text"), None)
    if delivered is not None:
        return delivered_text.take_over(page, delivered, tools)
    silent = bool(page.languages) and all(languages.is_silent(code) for code in page.languages)
    if page.kind in NOT_READ or silent or not profile.ocr.enabled:
        return Done(
            PageRecognized(
                languages=page.languages,
                script=page.script,
                words=0,
                characters=0,
                read=False,
                optional_branches=page.optional_branches,
            )
        )
    installed = ocr.installed_models()
    missing = languages.missing_models(page.languages, page.script, installed)
    if missing:
        return _not_readable(missing)
    models = languages.models_for(page.languages, page.script, installed)
    return Done(_read(page, models, profile, tools))


def _not_readable(missing: tuple[languages.MissingModel, ...]) -> Outcome:
    unknown = ", ".join(each.code for each in missing if not each.candidates)
    if unknown:
        return rejected("language.unknown", f"not in ISO 639-2: {unknown}")
    # Pre-flight found the models; this worker lacks them.
    wanted = ", ".join(f"{each.code} ({' or '.join(each.candidates)})" for each in missing)
    return TryLater(f"no recognition model is installed for {wanted}", ErrorClass.TOOL_CRASHED)


@dataclass(frozen=True)
class _Result:
    """The recognised text, in the pixels of the master."""

    copy: GreyCopy
    best: BestReading
    files: tuple[FileRef, ...]


def _read(
    page: PageAcquired, models: tuple[str, ...], profile: Profile, tools: Tools
) -> PageRecognized:
    result = _recognized(page, models, profile, tools)
    words = result.best.words
    return PageRecognized(
        languages=page.languages,
        script=page.script,
        models=models,
        mean_confidence=words.mean_confidence,
        words=len(words.all),
        characters=words.characters,
        read=True,
        turned_degrees=result.best.rotated_degrees,
        optional_branches=page.optional_branches,
        files=result.files,
        acts=(_creation(page, models, result), *_warnings(page, profile, result.best)),
    )


def _recognized(
    page: PageAcquired, models: tuple[str, ...], profile: Profile, tools: Tools
) -> _Result:
    with TemporaryDirectory(dir=tools.scratch) as folder:
        image = Path(folder) / "reading.tif"
        tools.progress("grey copy")
        dpi, longest = _copy_limits(page, profile)
        copy = write_grey_copy(
            tools.storage.path(file_for("master", page.files)),
            image,
            resolution_dpi=page.resolution_dpi,
            dpi=dpi,
            max_long_side_px=longest,
        )
        tools.progress("recognition")
        best = read_in_best_orientation(
            Image(image, copy.dpi, models, profile.ocr.timeout_seconds),
            tools.progress,
            turn=profile.ocr.orientation,
        )
    files = tuple(
        tools.storage.keep(content, area=Area.DERIVATIVES, use=use, media_type=media_type)
        for use, media_type, content in _outputs(page, models, copy, best)
    )
    return _Result(copy, best, files)


def _copy_limits(page: PageAcquired, profile: Profile) -> tuple[int, int]:
    """Resolution and long side of the copy, within the limits of Tesseract."""
    long_side, dpi = max(page.width_px, page.height_px), profile.ocr.dpi
    scale = min(MAX_SIDE_PX / long_side, sqrt(MAX_PIXELS / (page.width_px * page.height_px)))
    longest = min(profile.ocr.max_long_side_px, int(long_side * scale))
    if page.resolution_dpi and page.resolution_dpi <= FILM_DPI:
        dpi = min(dpi, max(1, int(page.resolution_dpi * scale)))
    return dpi, longest


def _outputs(
    page: PageAcquired, models: tuple[str, ...], copy: GreyCopy, best: BestReading
) -> tuple[tuple[str, str, bytes], ...]:
    reading, scale = best.reading, Scale.of(copy, best.rotated_degrees)
    item_id = (page.head.item_id or "").strip() or "item"
    name = packaged_name(item_id, page.ref, file_for("master", page.files).media_type)
    settings = _settings(models, copy, best.rotated_degrees)
    origin = Origin(name, page.sequence, "tesseract", ocr.tesseract_version(), settings)
    return (
        ("alto", XML, alto_for_master(reading.alto, best.words, scale, origin)),
        ("hocr", "text/html", hocr_for_master(reading.hocr, scale, name)),
        ("text", TEXT, reading.text.replace(b"\f", b"")),
        ("tsv", "text/tab-separated-values", tsv_for_master(reading.tsv, scale)),
        ("pdf", "application/pdf", pdf_with_fixed_date(reading.pdf)),
    )


def _settings(models: tuple[str, ...], copy: GreyCopy, rotated_degrees: int) -> str:
    size = f"{copy.width_px} x {copy.height_px} pixels"
    after = f", turned by {rotated_degrees} degrees clockwise" if rotated_degrees else ""
    return f"models {'+'.join(models)}; grey copy of {size}{after}, read as {copy.dpi} dpi"


def _creation(page: PageAcquired, models: tuple[str, ...], result: _Result) -> Act:
    """The act with programs, source, settings and results."""
    unknown = "" if page.resolution_dpi else " The master's resolution is unknown."
    settings = _settings(models, result.copy, result.best.rotated_degrees)
    software: tuple[tuple[str, str | None], ...] = (
        ("libvips", vips_version()),
        ("tesseract", ocr.tesseract_version()),
        *((f"tesseract model {model}", None) for model in models),
    )
    return Act(
        type="creation",
        outcome="suc",
        detail=f"ALTO, hOCR, text, TSV and PDF: {settings}.{unknown}",
        agents=tuple(
            Agent(type="software", name=name, version=version, role=EXECUTING)
            for name, version in software
        ),
        sources=(f"sha256:{file_for('master', page.files).sha256}",),
        results=tuple(f"sha256:{file.sha256}" for file in result.files),
    )


def _warnings(page: PageAcquired, profile: Profile, best: BestReading) -> tuple[Act, ...]:
    mean, floor = best.words.mean_confidence, profile.ocr.confidence_floor
    found = []
    if best.rotated_degrees:
        detail = f"The text was read in a copy rotated by {best.rotated_degrees} degrees clockwise."
        found.append(("page.turned", detail))
    if mean is None:
        found.append(("page.no-text-found", f"No words were found on this {page.kind}."))
    elif mean < floor:
        detail = f"The mean word confidence is {mean:g}, below the limit of {floor:g}."
        found.append(("page.confidence-low", detail))
    source = (f"sha256:{file_for('master', page.files).sha256}",)
    return tuple(
        Act(type="validation", outcome="war", code=code, detail=detail, sources=source)
        for code, detail in found
    )
