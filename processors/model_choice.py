"""Chooses the recognition model of a page whose language is not stated, from the page's own text.

A few lines are read with the first candidate. Letters that are read with the model of another
language are still good enough to identify the language, so the page is read once, with the model
of that language. Only if the lines do not show a language, the reading of the complete page is
asked, and the page is read again if it shows one clearly.

Models for Latin script also find words in other scripts, with low confidence. Of a page that is
read poorly, a few lines are read with the candidates for other scripts. If none reads the page
better, the reading is in doubt, and the script is detected for the person who states it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pyvips

from processors.enrich import language_guess
from processors.ocr import languages
from processors.ocr.orientation import BestReading, Image, read_in_best_orientation
from processors.ocr.script_detection import described, is_certainly_latin, script_of
from processors.ocr.text_sample import samples_of
from processors.ocr.words import NOTHING, ReadLines

MAX_SAMPLES = 3
MIN_LETTERS = 40
MIN_PROBABILITY = 0.5
"""Probability of the language among all that the language model knows."""
LETTERS_FOR_A_SECOND_READING = 100
PROBABILITY_FOR_A_SECOND_READING = 0.9
GAIN_OF_SCRIPT = 10.0
"""The model for another script must be more confident by this."""
TOLERATED_LOSS = 10.0
"""The model of the right language may be less confident than another one."""
CLEAR_CONFIDENCE = 75.0
"""Roman type that is read this well is not tried as blackletter."""
READ_WELL = 60.0
"""Text that is read with this confidence is in the script of the model. Other scripts had 24 to 47
in tests, print in Latin script of three centuries 55 and more."""
BLACKLETTER = "Latf"
OFTEN_IN_BLACKLETTER = ("deu", "dan", "nor", "swe", "fin", "est", "lav", "ces", "slk")


@dataclass(frozen=True)
class Choice:
    """The chosen model, and why."""

    model: str
    reason: str
    language: str | None = None
    """The identified language; None if the model was not chosen by one."""
    probability: float = 0.0


@dataclass(frozen=True)
class ChosenReading:
    """A reading of a page, with the choice of its model."""

    best: BestReading
    choice: Choice
    doubt: str | None = None
    """If no model of the image reads the page well: the script that it seems to be in."""


def read_with_chosen_model(
    image: Image, progress: Callable[[str], None], *, turn: bool
) -> ChosenReading:
    """Read a page with one of the models of the image. Raises ToolHung and ToolCrashed."""
    chosen = _read_by_language(image, progress, turn=turn)
    confidence = chosen.best.words.mean_confidence
    if confidence is None or confidence >= READ_WELL:
        return chosen
    progress("script")
    model, of_lines = _best_of_other_scripts(image)
    if model and of_lines >= confidence + GAIN_OF_SCRIPT:
        reason = f"{chosen.choice.reason}; {model} reads a few lines better"
        best = read_in_best_orientation(replace(image, models=(model,)), progress, turn=turn)
        if (best.words.mean_confidence or 0.0) >= confidence + GAIN_OF_SCRIPT:
            return ChosenReading(best, Choice(model, reason))
    seen = script_of(image)
    if seen is not None and is_certainly_latin(seen):
        return chosen
    return replace(chosen, doubt=described(seen) if seen else "too little text")


def _best_of_other_scripts(image: Image) -> tuple[str | None, float]:
    """The candidate for another script that reads a few lines best, and its confidence."""
    models = [model for model in image.models if languages.reads_other_script(model)]
    if not models:
        return None, 0.0
    page = pyvips.Image.new_from_file(str(image.path))
    parts = [page.crop(box.left, box.top, box.width, box.height) for box in samples_of(page, 1)]
    read = {one: _read(part, one, image).confidence for part in parts for one in models}
    best = max(read, key=lambda one: read[one], default=None)
    return best, read[best] if best else 0.0


def _read_by_language(
    image: Image, progress: Callable[[str], None], *, turn: bool
) -> ChosenReading:
    """Read a page with the model for the language that its letters show."""
    progress("choice of a model")
    choice = _by_samples(image)

    def read(choice: Choice) -> ChosenReading:
        progress("recognition")
        of_model = replace(image, models=(choice.model,))
        return ChosenReading(read_in_best_orientation(of_model, progress, turn=turn), choice)

    first = read(choice)
    if choice.language or len(image.models) == 1:
        return first
    words = first.best.words
    page = ReadLines(" ".join(word.text for word in words.all), words.mean_confidence or 0.0)
    again = _by_text(page, choice.model, image.models, "the page")
    if not _deserves_another_reading(again, page, choice):
        return replace(first, choice=again if again.model == choice.model else choice)
    second = read(again)
    before, after = (one.best.words.mean_confidence or 0.0 for one in (first, second))
    if after >= before - TOLERATED_LOSS:
        return second
    worse = Choice(choice.model, f"{again.reason}, but {again.model} reads it worse")
    return replace(first, choice=worse)


def _deserves_another_reading(again: Choice, page: ReadLines, choice: Choice) -> bool:
    clear = again.probability >= PROBABILITY_FOR_A_SECOND_READING
    return again.model != choice.model and clear and page.letters >= LETTERS_FOR_A_SECOND_READING


def _by_samples(image: Image) -> Choice:
    first, *others = image.models
    if not others:
        return Choice(first, "the only candidate")
    page = pyvips.Image.new_from_file(str(image.path))
    choice, text = Choice(first, "no lines of text were found"), NOTHING
    for box in samples_of(page, MAX_SAMPLES):
        part = page.crop(box.left, box.top, box.width, box.height)
        read = _read(part, first, image)
        text += read
        choice = _by_text(text, first, image.models, "a few lines")
        if choice.language:
            return _in_blackletter(choice, part, read, image)
    return choice


def _in_blackletter(choice: Choice, part: pyvips.Image, roman: ReadLines, image: Image) -> Choice:
    """The choice, or the model for blackletter if it reads the lines better."""
    if choice.language not in OFTEN_IN_BLACKLETTER or roman.confidence >= CLEAR_CONFIDENCE:
        return choice
    for model in languages.models_for((choice.language,), BLACKLETTER, image.models):
        if _read(part, model, image).confidence > roman.confidence:
            return replace(choice, model=model, reason=f"{choice.reason}; {model} reads it better")
    return choice


def _read(part: pyvips.Image, model: str, image: Image) -> ReadLines:
    return image.engine.read_lines(
        part,
        model,
        dpi=image.dpi,
        timeout_seconds=image.timeout_seconds,
        scratch=image.path.parent,
    )


def _by_text(text: ReadLines, read_with: str, candidates: tuple[str, ...], what: str) -> Choice:
    """The candidate for the language of a text; `read_with` if it does not show one."""
    seen = f"{what} of {text.letters} letters, read with {read_with},"
    if text.letters < MIN_LETTERS:
        return Choice(read_with, f"{seen} cannot be identified")
    guess = language_guess.guess(text.text)
    known = guess.probabilities if guess else {}
    own = ((code, languages.own_model_of(code, candidates)) for code in known)
    models = {code: model for code, model in own if model}
    if guess is None or not models:
        return Choice(read_with, f"{seen} cannot be identified")
    code = max(models, key=lambda one: known[one])
    probability = guess.of_any((code,))
    found = f"{seen} identified as {code} {probability:.2f}"
    if probability < MIN_PROBABILITY:
        return Choice(read_with, f"{found}, which is too uncertain")
    return Choice(models[code], found, code, probability)
