"""Suggests the language of a page's text with a model; no other step waits for it."""

from processors.enrich import language_guess
from processors.enrich.language_guess import Guess
from processors.outcome import Done, Outcome
from processors.tools import Tools
from schemas.models import Act, Agent, PageEnriched, PageRecognized

LETTERS_FOR_A_SUGGESTION = 40
LETTERS_FOR_A_WARNING = 200
PROBABILITY_FOR_A_SUGGESTION = 0.5
PROBABILITY_FOR_A_WARNING = 0.95
STATED_LANGUAGES_EXCLUDED = 0.01
"""A warning requires that the stated languages together are at most this probable."""
MIN_CONFIDENCE = 60.0
"""Below this mean word confidence the recognised letters are not reliable."""


def enrich_page(page: PageRecognized, tools: Tools) -> Outcome:
    """Suggest the language of the text, and warn if it differs from the languages stated.

    A page with too little text gets no suggestion."""
    source = next((file for file in page.files if file.use == "text"), None)
    if source is None:
        return Done(PageEnriched())
    text = tools.storage.read(source).decode("utf-8", "replace")
    letters = sum(character.isalpha() for character in text)
    guess = language_guess.guess(text) if letters >= LETTERS_FOR_A_SUGGESTION else None
    if guess is None or guess.probability < PROBABILITY_FOR_A_SUGGESTION:
        return Done(PageEnriched())
    stated = ", ".join(page.languages) or "nothing"
    summary = f"{guess.code} {guess.probability:.2f} (stated: {stated})"
    digest = f"sha256:{source.sha256}"
    acts = [
        _act("enrichment", "suc", f"Language of the text, as a model sees it: {summary}.", digest)
    ]
    if letters >= LETTERS_FOR_A_WARNING and _differs(page, guess):
        detail = f"The text seems to be in another language than stated: {summary}."
        act = _act("validation", "war", detail, digest)
        acts.append(act.model_copy(update={"code": "page.language-differs"}))
    return Done(PageEnriched(suggestions=(f"language: {summary}",), acts=tuple(acts)))


def _differs(page: PageRecognized, guess: Guess) -> bool:
    known = tuple(code for code in page.languages if language_guess.known_to_model(code))
    if not known or len(known) < len(page.languages):
        # The text may be in a language that the model does not include.
        return False
    if page.mean_confidence is not None and page.mean_confidence < MIN_CONFIDENCE:
        return False
    likely = guess.probability >= PROBABILITY_FOR_A_WARNING
    return likely and guess.of_any(known) <= STATED_LANGUAGES_EXCLUDED


def _act(kind: str, outcome: str, detail: str, source: str) -> Act:
    return Act(
        type=kind,
        outcome=outcome,
        detail=detail,
        agents=tuple(
            Agent(type="software", name=name, version=version, role="executing program")
            for name, version in language_guess.software()
        ),
        sources=(source,),
    )
