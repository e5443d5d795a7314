"""Runs models on pages in child processes, and makes the facts about the runs."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from processors.enrich.analyze_page import fact_of, failed, shortened
from processors.enrich.page_task import PageTask
from processors.outcome import Done, ObjectUnusable, Outcome, StorageError
from processors.pipeline import ENRICHMENT
from processors.step import Step
from schemas import ids
from schemas.codec import TooLarge, encode
from schemas.models import FileRef, Head, ItemCompleted, ModelRun, PageAnalyzed, Producer
from streams.execution.facts import utc_now

log = logging.getLogger(__name__)

PRODUCER_NAME = f"copystand/{ENRICHMENT}"
TIMEOUT_SECONDS = 120.0


def _work(function: str) -> Step:
    """A function of the child processes. It is no step of the line: it has no topic."""
    return Step(
        f"enrich.analyze_page:{function}",
        ItemCompleted,
        PageAnalyzed,
        premis="enrichment",
        detail="",
        lane=ENRICHMENT,
        timeout_seconds=TIMEOUT_SECONDS,
    )


ANALYZE, LIST_MODELS = _work("analyze_page"), _work("list_models")
NO_FILE = FileRef(use="access", key="", sha256="", size_bytes=0, media_type="")
NO_PAGE = PageTask("", "", 0, 0, 0.0, NO_FILE, ())


class RunInChild(Protocol):
    """Runs a function of the child processes; see Pool.run."""

    def __call__(self, step: Step, fact: PageTask) -> Outcome: ...


def installed_models(run: RunInChild) -> tuple[ModelRun, ...]:
    """The installed models, as a child process finds them."""
    return _analyzed(run(LIST_MODELS, NO_PAGE)).runs


class PageRuns:
    """Runs the installed models on pages."""

    def __init__(self, run: RunInChild, models: Sequence[ModelRun], made_by: Producer) -> None:
        self._run, self._models, self._made_by = run, models, made_by

    def analyze(self, cause_id: str, head: Head, task: PageTask) -> PageAnalyzed:
        """The fact about one page. A model that hangs, crashes or fails has a failed run.

        Raises StorageError while the store does not answer."""
        stamp = {"head": self._head(cause_id, head)}
        fact = self._of_all(task).model_copy(update=stamp)
        try:
            encode(fact)
        except TooLarge:
            log.warning("suggestions left out", extra={"page_id": task.page_id})
            fact = shortened(task, fact).model_copy(update=stamp)
        return fact

    def _of_all(self, task: PageTask) -> PageAnalyzed:
        try:
            return _analyzed(self._run(ANALYZE, task))
        except ObjectUnusable as gone:
            return fact_of(task, [failed(one, str(gone)) for one in self._wanted(task)])
        except StorageError:
            raise
        except Exception as error:
            # One of the models is at fault: each runs alone, so that the others have a result.
            log.warning("models run alone", extra={"page_id": task.page_id, "why": str(error)})
        return fact_of(task, [self._alone(one, task) for one in self._wanted(task)])

    def _alone(self, model: ModelRun, task: PageTask) -> ModelRun:
        try:
            (run,) = _analyzed(self._run(ANALYZE, replace(task, models=(model.model,)))).runs
            return run
        except StorageError:
            raise
        except Exception as error:
            return failed(model, f"{type(error).__name__}: {error}")

    def _wanted(self, task: PageTask) -> list[ModelRun]:
        return [one for one in self._models if not task.models or one.model in task.models]

    def _head(self, cause_id: str, page: Head) -> Head:
        event_id = event_id_of(cause_id, page.page_id or "")
        stamp = {"event_id": event_id, "cause_id": cause_id, "occurred_at": utc_now()}
        return page.model_copy(update={**stamp, "producer": self._made_by})


def event_id_of(cause_id: str, page_id: str) -> str:
    """The event_id of the analysis of a page that follows from a completion or decision."""
    work_id = ids.make_id(cause_id, ENRICHMENT, page_id)
    return ids.fact_id(work_id, PageAnalyzed.__name__)


def _analyzed(outcome: Outcome) -> PageAnalyzed:
    assert isinstance(outcome, Done)
    (fact,) = outcome.facts
    assert isinstance(fact, PageAnalyzed)
    return fact
