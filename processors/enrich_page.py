"""Checks the language of a page's text by a model; its answers are never waited for."""

from processors.enrich import language_guess
from processors.enrich.language_guess import Guess
from processors.outcome import Done, Outcome
from processors.tools import Tools
from schemas.models import Act, Agent, PageEnriched, PageRecognized

ENOUGH_FOR_A_SUGGESTION = 40
ENOUGH_TO_DIFFER = 200
"""Letters that a text must have."""
LIKELY, SURE = 0.5, 0.95
"""Probability from which a language is suggested, and held against the one stated."""
RULED_OUT = 0.01
"""Probability up to which the model is taken to say no to the languages stated."""
LEAST_CONFIDENCE = 60.0
"""Below this mean word confidence the letters themselves are in doubt."""


def enrich_page(page: PageRecognized, tools: Tools) -> Outcome:
    """Suggest the language that a model finds in the text, and warn where it is another than
    stated; a page without text, or with too little, gets no suggestion."""
    source = next((file for file in page.files if file.use == "text"), None)
    if source is None:
        return Done(PageEnriched())
    text = tools.storage.read(source).decode("utf-8", "replace")
    letters = sum(character.isalpha() for character in text)
    guess = language_guess.guess(text) if letters >= ENOUGH_FOR_A_SUGGESTION else None
    if guess is None or guess.probability < LIKELY:
        return Done(PageEnriched())
    stated = ", ".join(page.languages) or "nothing"
    told = f"{guess.code} {guess.probability:.2f} (stated: {stated})"
    digest = f"sha256:{source.sha256}"
    acts = [_act("enrichment", "suc", f"Language of the text, as a model sees it: {told}.", digest)]
    if letters >= ENOUGH_TO_DIFFER and _differs(page, guess):
        detail = f"The text seems to be in another language than stated: {told}."
        act = _act("validation", "war", detail, digest)
        acts.append(act.model_copy(update={"code": "page.language-differs"}))
    return Done(PageEnriched(suggestions=(f"language: {told}",), acts=tuple(acts)))


def _differs(page: PageRecognized, guess: Guess) -> bool:
    known = tuple(code for code in page.languages if language_guess.known_to_model(code))
    if not known or len(known) < len(page.languages):
        # The text may be in the language that the model has never seen.
        return False
    if page.mean_confidence is not None and page.mean_confidence < LEAST_CONFIDENCE:
        return False
    return guess.probability >= SURE and guess.of_any(known) <= RULED_OUT


def _act(kind: str, outcome: str, detail: str, source: str) -> Act:
    program = ("py3langid", language_guess.package_version())
    model = ("py3langid model", f"sha256:{language_guess.model_digest()}")
    return Act(
        type=kind,
        outcome=outcome,
        detail=detail,
        agents=tuple(
            Agent(type="software", name=name, version=version, role="executing program")
            for name, version in (program, model)
        ),
        sources=(source,),
    )
