"""Runs analyzers on the access image and the text of one page."""

from collections.abc import Iterable, Sequence

from processors.enrich.analyzer import Analyzer, PageView, Suggestion
from processors.enrich.installed_analyzers import installed_analyzers
from processors.enrich.page_task import PageTask
from processors.enrich.page_view import view_of
from processors.outcome import Done, Outcome
from processors.tools import Tools
from schemas import ids
from schemas.models import Act, Agent, ModelRun, PageAnalyzed, PageSuggestion

MOST_SUGGESTIONS = 100
"""Of one model on one page: the fact must fit into a message."""
FEW_SUGGESTIONS = 10
MOST_EVIDENCE, LONGEST_TEXT, LONGEST_URI = 5, 200, 300
MOST_PIXELS = 2**31 - 1
KINDS = ("writing", "script", "figure", "language", "term", "duplicate", "blank")
EXECUTING = "executing program"


def analyze_page(task: PageTask, tools: Tools) -> Outcome:
    """Run the models of a task on its page. A model that fails gives a run with its failure."""
    return Done(analyzed(task, tools, installed_analyzers()))


def analyzed(task: PageTask, tools: Tools, analyzers: Iterable[Analyzer]) -> PageAnalyzed:
    """The fact about the runs of these analyzers, without its head."""
    view = view_of(task, tools)
    wanted = [one for one in analyzers if not task.models or one.id in task.models]
    runs = []
    for analyzer in wanted:
        tools.progress(analyzer.id)
        runs.append(_run(analyzer, view, task))
    return fact_of(task, runs)


def fact_of(task: PageTask, runs: Sequence[ModelRun]) -> PageAnalyzed:
    """The fact about these runs, with an act for each of them."""
    return PageAnalyzed(
        master_sha256=task.master_sha256,
        suggested=sum(len(run.suggestions) for run in runs),
        runs=tuple(runs),
        acts=tuple(_act(run, task) for run in runs),
    )


def list_models(task: PageTask, tools: Tools) -> Outcome:
    """The installed models, as runs without results. The task and its page do not matter."""
    del tools
    return Done(fact_of(task, list(map(_model_of, installed_analyzers()))))


def shortened(task: PageTask, fact: PageAnalyzed) -> PageAnalyzed:
    """The same fact with the best suggestions of each model alone, and without what led to them."""
    runs = []
    for run in fact.runs:
        best = run.suggestions[:FEW_SUGGESTIONS]
        plain = tuple(one.model_copy(update={"evidence": ()}) for one in best)
        runs.append(run.model_copy(update={"suggestions": plain}))
    return fact_of(task, runs)


def failed(run: ModelRun, why: str) -> ModelRun:
    """A run that ended without a result."""
    return run.model_copy(update={"failure": _cut(why) or "failed", "suggestions": ()})


def _model_of(analyzer: Analyzer) -> ModelRun:
    return ModelRun(
        model=analyzer.id, version=analyzer.version, weights_sha256=analyzer.weights_sha256
    )


def _run(analyzer: Analyzer, view: PageView, task: PageTask) -> ModelRun:
    run = _model_of(analyzer)
    try:
        found = sorted(analyzer.analyze(view), key=lambda one: -one.score)[:MOST_SUGGESTIONS]
        made = [_suggestion(analyzer, one, task) for one in found]
    except Exception as error:
        return failed(run, f"{type(error).__name__}: {error}")
    once: dict[str, PageSuggestion] = {}
    for one in made:
        # Two that say the same have the same id; the first is the better one.
        once.setdefault(one.suggestion_id, one)
    return run.model_copy(update={"suggestions": tuple(once.values())})


def _suggestion(analyzer: Analyzer, one: Suggestion, task: PageTask) -> PageSuggestion:
    """The suggestion in the fact. Raises ValueError when it is not one of the kinds, or has a wrong
    score or box: a site's model may give anything."""
    label, uri, box = _cut(one.label), _cut(one.term_uri, LONGEST_URI), _box(one)
    score = round(float(one.score), 6)
    if one.kind not in KINDS or not label or not 0 <= score <= 1:
        raise ValueError(f"a suggestion has kind {one.kind!r}, label {label!r}, score {score}")
    model = (analyzer.id, analyzer.version, analyzer.weights_sha256)
    what = (one.kind, label, uri, ",".join(map(str, box)))
    return PageSuggestion(
        suggestion_id=ids.make_id(task.page_id, task.master_sha256, "suggestion", *model, *what),
        kind=one.kind,
        label=label,
        term_uri=uri,
        vocabulary=_cut(one.vocabulary),
        score=score,
        box=box,
        evidence=tuple(_cut(text) for text in one.evidence[:MOST_EVIDENCE]),
    )


def _act(run: ModelRun, task: PageTask) -> Act:
    """The event of a run: its input, and the model with the digest of its weights as its agent."""
    weights = f" sha256:{run.weights_sha256}" if run.weights_sha256 else ""
    found = ", ".join(f"{one.kind} {one.label} {one.score:.2f}" for one in run.suggestions[:10])
    ended = f"suggestions: {len(run.suggestions)}. {found}".rstrip(" .")
    return Act(
        type="enrichment",
        outcome="fai" if run.failure is not None else "suc",
        code="enrichment.model-failed" if run.failure is not None else None,
        detail=f"Model {run.model} {run.version}, {run.failure or ended}.",
        agents=(
            Agent(
                type="software", name=run.model, version=f"{run.version}{weights}", role=EXECUTING
            ),
        ),
        sources=tuple(f"sha256:{file.sha256}" for file in task.files),
    )


def _box(one: Suggestion) -> tuple[int, ...]:
    """The box as plain numbers; empty for the complete page. Raises ValueError."""
    box = tuple(int(number) for number in one.box or ())
    if len(box) not in (0, 4) or not all(0 <= number <= MOST_PIXELS for number in box):
        raise ValueError(f"a suggestion has the box {box}")
    return box


def _cut(text: str, longest: int = LONGEST_TEXT) -> str:
    """A text on one line, without what UTF-8 or a database cannot store."""
    plain = text.replace("\0", " ").encode("utf-8", "replace").decode()
    return " ".join(plain.split())[:longest]
