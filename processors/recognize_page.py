"""Recognises the text of a page with Tesseract; outputs have the pixels of the master."""

from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from tempfile import TemporaryDirectory

from processors import delivered_text
from processors.enrich import language_guess
from processors.imaging.decode import FILM_DPI, GreyCopy, vips_version, write_grey_copy
from processors.imaging.image_of_file import image_alone
from processors.model_choice import read_with_chosen_model
from processors.ocr import languages
from processors.ocr.alto import Origin, alto_for_master
from processors.ocr.coordinates import Scale, hocr_for_master, pdf_with_fixed_date, tsv_for_master
from processors.ocr.orientation import BestReading, Image, read_in_best_orientation
from processors.ocr.recognizer import Recognizer
from processors.outcome import Done, ErrorClass, Outcome, TryLater, rejected
from processors.page_files import file_for, master_name, profile_of
from processors.profile import Profile
from processors.profile_ocr import NOT_READ
from processors.tools import Area, Tools
from schemas.models import Act, Agent, FileRef, PageAcquired, PageRecognized

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
    if page.kind in NOT_READ or _has_no_text(page) or not profile.ocr.enabled:
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
    recognizer, codes = Recognizer.of(profile), languages.to_read(page.languages)
    if not languages.is_stated(codes, page.script):
        return _read_unstated(page, profile, recognizer, tools)
    missing = languages.missing_models(codes, page.script, recognizer.models)
    if missing:
        return _not_readable(missing)
    models = languages.models_for(codes, page.script, recognizer.models)
    return _read_if_as_accepted(page, models, profile, recognizer, tools)


def _read_if_as_accepted(
    page: PageAcquired,
    models: tuple[str, ...],
    profile: Profile,
    recognizer: Recognizer,
    tools: Tools,
    *,
    choose: bool = False,
) -> Outcome:
    """Read a page with the engine and models of its batch. Others would give another text."""
    difference = recognizer.difference(models)
    if difference:
        return TryLater(difference, ErrorClass.TOOL_CRASHED)
    return Done(_read(page, models, profile, recognizer, tools, choose=choose))


def _read_unstated(
    page: PageAcquired, profile: Profile, recognizer: Recognizer, tools: Tools
) -> Outcome:
    """Read a page with one of the models that the profile has for unstated languages."""
    candidates = profile.unstated_language.models
    lacking = [model for model in candidates if model not in recognizer.models]
    if lacking or not candidates:
        wanted = ", ".join(lacking) or "an unstated language"
        return TryLater(f"no recognition model is installed for {wanted}", ErrorClass.TOOL_CRASHED)
    return _read_if_as_accepted(page, candidates, profile, recognizer, tools, choose=True)


def _has_no_text(page: PageAcquired) -> bool:
    codes = page.languages
    return bool(codes) and all(languages.has_no_linguistic_content(code) for code in codes)


def _not_readable(missing: tuple[languages.MissingModel, ...]) -> Outcome:
    unknown = ", ".join(each.code for each in missing if not each.candidates)
    if unknown:
        return rejected("language.unknown", f"not in ISO 639-2: {unknown}")
    # Pre-flight found the models; this worker lacks them.
    wanted = ", ".join(f"{each.code} ({' or '.join(each.candidates)})" for each in missing)
    return TryLater(f"no recognition model is installed for {wanted}", ErrorClass.TOOL_CRASHED)


@dataclass(frozen=True)
class _Text:
    """The text of a page, in the pixels of the copy that was read."""

    recognizer: Recognizer
    copy: GreyCopy
    best: BestReading
    models: tuple[str, ...]
    choice: str = ""
    """Why these models were chosen, if the language is not stated."""
    doubt: str | None = None
    """If no candidate reads the page well: the script that it seems to be in."""

    @property
    def settings(self) -> str:
        """How the text was read, in words."""
        size = f"{self.copy.width_px} x {self.copy.height_px} pixels"
        degrees = self.best.rotated_degrees
        after = f", turned by {degrees} degrees clockwise" if degrees else ""
        chosen = f" ({self.choice})" if self.choice else ""
        models = f"models {'+'.join(self.models)}{chosen}"
        return f"{models}; grey copy of {size}{after}, read as {self.copy.dpi} dpi"


def _read(
    page: PageAcquired,
    models: tuple[str, ...],
    profile: Profile,
    recognizer: Recognizer,
    tools: Tools,
    *,
    choose: bool = False,
) -> PageRecognized:
    text = _recognized(page, models, profile, recognizer, tools, choose)
    words = text.best.words
    files = tuple(
        tools.storage.keep(content, area=Area.DERIVATIVES, use=use, media_type=media_type)
        for use, media_type, content in _outputs(page, text)
    )
    return PageRecognized(
        languages=page.languages,
        script=page.script,
        models=text.models,
        mean_confidence=words.mean_confidence,
        words=len(words.all),
        characters=words.characters,
        read=True,
        turned_degrees=text.best.rotated_degrees,
        optional_branches=page.optional_branches,
        files=files,
        acts=(_creation(page, text, files), *_warnings(page, profile, text)),
    )


def _recognized(
    page: PageAcquired,
    models: tuple[str, ...],
    profile: Profile,
    recognizer: Recognizer,
    tools: Tools,
    choose: bool,
) -> _Text:
    with TemporaryDirectory(dir=tools.scratch) as folder:
        path = Path(folder) / "reading.tif"
        tools.progress("grey copy")
        dpi, longest = _copy_limits(page, profile)
        stored = tools.storage.path(file_for("master", page.files))
        with image_alone(stored, page.image, tools.scratch) as master:
            copy = write_grey_copy(
                master,
                path,
                resolution_dpi=page.resolution_dpi,
                dpi=dpi,
                max_long_side_px=longest,
            )
        image = Image(recognizer.engine, path, copy.dpi, models, profile.ocr.timeout_seconds)
        turn = profile.ocr.orientation
        if choose:
            chosen = read_with_chosen_model(image, tools.progress, turn=turn)
            reason = f"language not stated, chosen from {'+'.join(models)}: {chosen.choice.reason}"
            model = (chosen.choice.model,)
            return _Text(recognizer, copy, chosen.best, model, reason, chosen.doubt)
        tools.progress("recognition")
        best = read_in_best_orientation(image, tools.progress, turn=turn)
        return _Text(recognizer, copy, best, models)


def _copy_limits(page: PageAcquired, profile: Profile) -> tuple[int, int]:
    """Resolution and long side of the copy, within the limits of Tesseract."""
    long_side, dpi = max(page.width_px, page.height_px), profile.ocr.dpi
    scale = min(MAX_SIDE_PX / long_side, sqrt(MAX_PIXELS / (page.width_px * page.height_px)))
    longest = min(profile.ocr.max_long_side_px, int(long_side * scale))
    if page.resolution_dpi and page.resolution_dpi <= FILM_DPI:
        dpi = min(dpi, max(1, int(page.resolution_dpi * scale)))
    return dpi, longest


def _outputs(page: PageAcquired, text: _Text) -> tuple[tuple[str, str, bytes], ...]:
    reading, scale = text.best.reading, Scale.of(text.copy, text.best.rotated_degrees)
    item_id = (page.head.item_id or "").strip() or "item"
    name = master_name(item_id, page.ref, file_for("master", page.files), page.image)
    origin = Origin(name, page.sequence, text.recognizer.engine.software(), _with_digests(text))
    return (
        ("alto", XML, alto_for_master(reading.alto, text.best.words, scale, origin)),
        ("hocr", "text/html", hocr_for_master(reading.hocr, scale, name)),
        ("text", TEXT, reading.text.replace(b"\f", b"")),
        ("tsv", "text/tab-separated-values", tsv_for_master(reading.tsv, scale)),
        ("pdf", "application/pdf", pdf_with_fixed_date(reading.pdf)),
    )


def _with_digests(text: _Text) -> str:
    """How the text was read, with the digests of the models."""
    known = ((model, text.recognizer.model_version(model)) for model in text.models)
    digests = (f"model {model} {digest}" for model, digest in known if digest)
    return "; ".join((text.settings, *digests))


def _creation(page: PageAcquired, text: _Text, files: tuple[FileRef, ...]) -> Act:
    """The act with programs, source, settings and results."""
    unknown = "" if page.resolution_dpi else " The master's resolution is unknown."
    software: tuple[tuple[str, str | None], ...] = (
        ("libvips", vips_version()),
        *(language_guess.software() if text.choice else ()),
        *text.recognizer.engine.software(),
        *((f"tesseract model {one}", text.recognizer.model_version(one)) for one in text.models),
    )
    return Act(
        type="creation",
        outcome="suc",
        detail=f"ALTO, hOCR, text, TSV and PDF: {text.settings}.{unknown}",
        agents=tuple(
            Agent(type="software", name=name, version=version, role=EXECUTING)
            for name, version in software
        ),
        sources=(f"sha256:{file_for('master', page.files).sha256}",),
        results=tuple(f"sha256:{file.sha256}" for file in files),
    )


def _warnings(page: PageAcquired, profile: Profile, text: _Text) -> tuple[Act, ...]:
    best, floor = text.best, profile.ocr.confidence_floor
    mean, found = best.words.mean_confidence, []
    if best.rotated_degrees:
        detail = f"The text was read in a copy rotated by {best.rotated_degrees} degrees clockwise."
        found.append(("page.turned", detail))
    if mean is None:
        found.append(("page.no-text-found", f"No words were found on this {page.kind}."))
    elif mean < floor:
        detail = f"The mean word confidence is {mean:g}, below the limit of {floor:g}."
        found.append(("page.confidence-low", detail))
    if text.doubt is not None:
        detail = f"No candidate for unstated languages reads the text well: {mean:g} with "
        detail += f"{'+'.join(text.models)}. Detected script: {text.doubt}."
        found.append(("page.script-unstated", detail))
    source = (f"sha256:{file_for('master', page.files).sha256}",)
    return tuple(
        Act(type="validation", outcome="war", code=code, detail=detail, sources=source)
        for code, detail in found
    )
