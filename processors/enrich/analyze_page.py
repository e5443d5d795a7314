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
MOST_EVIDENCE, LONGEST_TEXT = 5, 120
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
        found = analyzer.analyze(view)
    except Exception as error:
        return failed(run, f"{type(error).__name__}: {error}")
    suggestions: dict[str, PageSuggestion] = {}
    for one in sorted(found, key=lambda one: -one.score)[:MOST_SUGGESTIONS]:
        made = _suggestion(analyzer, one, task)
        suggestions.setdefault(made.suggestion_id, made)
    return run.model_copy(update={"suggestions": tuple(suggestions.values())})


def _suggestion(analyzer: Analyzer, one: Suggestion, task: PageTask) -> PageSuggestion:
    label, box = _cut(one.label), tuple(one.box or ())
    model = (analyzer.id, analyzer.version, analyzer.weights_sha256)
    what = (one.kind, label, one.term_uri, ",".join(map(str, box)))
    return PageSuggestion(
        suggestion_id=ids.make_id(task.page_id, task.master_sha256, "suggestion", *model, *what),
        kind=one.kind,
        label=label,
        term_uri=one.term_uri,
        vocabulary=one.vocabulary,
        score=min(max(float(one.score), 0.0), 1.0),
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


def _cut(text: str) -> str:
    return " ".join(text.split())[:LONGEST_TEXT]
