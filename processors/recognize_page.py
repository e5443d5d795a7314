"""Reads the text of a page: one Tesseract pass, five outputs in the pixels of the master."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from processors.imaging.decode import GreyCopy, vips_version, write_grey_copy
from processors.imaging.magic import packaged_name
from processors.ocr import engine as ocr
from processors.ocr import languages
from processors.ocr.alto import Origin, Words, alto_for_master, words_of
from processors.ocr.places import Scale, hocr_for_master, pdf_without_clock, tsv_for_master
from processors.outcome import Done, ErrorClass, Outcome, Rejected, TryLater
from processors.page_files import file_for, profile_of
from processors.profile import Profile
from processors.tools import Area, Tools
from schemas.models import Act, Agent, FileRef, PageAcquired, PageRecognized

NOT_READ = ("target", "blank", "missing")
"""Kinds of page that hold no text of the item."""
EXECUTING = "executing program"
TEXT, XML = "text/plain", "application/xml"


def recognize_page(page: PageAcquired, tools: Tools) -> Outcome:
    """Recognise the text of one page; a page of a kind that is not read ends without files."""
    profile = profile_of(page.files, tools.storage)
    silent = bool(page.languages) and all(languages.is_silent(code) for code in page.languages)
    if page.kind in NOT_READ or silent or not profile.ocr.enabled:
        return Done(PageRecognized(languages=page.languages, words=0, characters=0, read=False))
    installed = ocr.installed_models()
    missing = languages.missing_models(page.languages, page.script, installed)
    if missing:
        return _not_readable(missing)
    models = languages.models_for(page.languages, page.script, installed)
    return Done(_read(page, models, profile, tools))


def _not_readable(missing: tuple[languages.MissingModel, ...]) -> Outcome:
    unknown = ", ".join(each.code for each in missing if not each.candidates)
    if unknown:
        return Rejected(
            "language.unknown",
            found=f"{unknown} is no code of ISO 639-2",
            fix="Name the language by its code of ISO 639-2 in a corrected manifest.",
        )
    # Pre-flight saw the models; this worker has others.
    wanted = ", ".join(f"{each.code} ({' or '.join(each.candidates)})" for each in missing)
    return TryLater(f"no recognition model here for {wanted}", ErrorClass.TOOL_CRASHED)


@dataclass(frozen=True)
class _Result:
    """What one pass gave, in the pixels of the master."""

    copy: GreyCopy
    words: Words
    files: tuple[FileRef, ...]


def _read(
    page: PageAcquired, models: tuple[str, ...], profile: Profile, tools: Tools
) -> PageRecognized:
    result = _recognized(page, models, profile, tools)
    return PageRecognized(
        languages=page.languages,
        models=models,
        mean_confidence=result.words.mean_confidence,
        words=len(result.words.texts),
        characters=result.words.characters,
        read=True,
        files=result.files,
        acts=(_creation(page, models, result), *_warnings(page, profile, result)),
    )


def _recognized(
    page: PageAcquired, models: tuple[str, ...], profile: Profile, tools: Tools
) -> _Result:
    master = file_for("master", page.files)
    with TemporaryDirectory(dir=tools.scratch) as folder:
        image = Path(folder) / "reading.tif"
        tools.progress("grey copy")
        copy = write_grey_copy(
            tools.storage.path(master),
            image,
            resolution_dpi=page.resolution_dpi,
            dpi=profile.ocr.dpi,
            max_long_side_px=profile.ocr.max_long_side_px,
        )
        tools.progress("recognition")
        reading = ocr.read_image(
            image, models, dpi=copy.dpi, timeout_seconds=profile.ocr.timeout_seconds
        )
    words, scale = words_of(reading.tsv), Scale.of(copy)
    item_id = (page.head.item_id or "").strip() or "item"
    name = packaged_name(item_id, page.ref, master.media_type)
    origin = Origin(
        name, page.sequence, "tesseract", ocr.tesseract_version(), _settings(models, copy)
    )
    outputs = (
        ("alto", XML, alto_for_master(reading.alto, words, scale, origin)),
        ("hocr", "text/html", hocr_for_master(reading.hocr, scale, name)),
        ("text", TEXT, reading.text.replace(b"\f", b"")),
        ("tsv", "text/tab-separated-values", tsv_for_master(reading.tsv, scale)),
        ("pdf", "application/pdf", pdf_without_clock(reading.pdf)),
    )
    files = tuple(
        tools.storage.keep(content, area=Area.DERIVATIVES, use=use, media_type=media_type)
        for use, media_type, content in outputs
    )
    return _Result(copy, words, files)


def _settings(models: tuple[str, ...], copy: GreyCopy) -> str:
    size = f"{copy.width_px} x {copy.height_px} pixels"
    return f"models {'+'.join(models)}; grey copy of {size}, read as {copy.dpi} dpi"


def _creation(page: PageAcquired, models: tuple[str, ...], result: _Result) -> Act:
    """The one act that says by what, from what and into what."""
    unknown = "" if page.resolution_dpi else " The master's resolution is unknown."
    software: tuple[tuple[str, str | None], ...] = (
        ("libvips", vips_version()),
        ("tesseract", ocr.tesseract_version()),
        *((f"tesseract model {model}", None) for model in models),
    )
    return Act(
        type="creation",
        outcome="suc",
        detail=f"ALTO, hOCR, text, TSV and PDF: {_settings(models, result.copy)}.{unknown}",
        agents=tuple(
            Agent(type="software", name=name, version=version, role=EXECUTING)
            for name, version in software
        ),
        sources=(f"sha256:{file_for('master', page.files).sha256}",),
        results=tuple(f"sha256:{file.sha256}" for file in result.files),
    )


def _warnings(page: PageAcquired, profile: Profile, result: _Result) -> tuple[Act, ...]:
    mean, floor = result.words.mean_confidence, profile.ocr.confidence_floor
    if mean is None:
        code, found = "page.no-text-found", f"No word was found on this {page.kind}."
    elif mean < floor:
        code, found = "page.confidence-low", f"Mean word confidence {mean:g}, below {floor:g}."
    else:
        return ()
    source = (f"sha256:{file_for('master', page.files).sha256}",)
    return (Act(type="validation", outcome="war", code=code, detail=found, sources=source),)
