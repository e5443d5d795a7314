"""A model at fault is alone at fault, and the store's absence is nobody's."""

import pytest

from processors.enrich.analyze_page import fact_of
from processors.enrich.page_task import PageTask
from processors.outcome import ChildDied, Done, ObjectUnusable, Outcome, StorageError, ToolHung
from processors.step import Step
from schemas.codec import encode
from schemas.models import FileRef, ModelRun, PageSuggestion, Producer
from streams.enrichment.page_runs import PageRuns, event_id_of, installed_models
from tests.support.builders import a_head

MODELS = [ModelRun(model=name, version="1") for name in ("calm", "crashing", "hanging")]
ACCESS = FileRef(use="access", key="k", sha256="ab", size_bytes=1, media_type="image/jpeg")
TASK = PageTask("i:0001", "cd", 10, 10, 300.0, ACCESS, ())
MADE_BY = Producer(name="copystand/enrichment", version="1")


class Child:
    """A child process in which the crashing model ends it, and the hanging one is ended."""

    def __init__(self, *errors: Exception) -> None:
        self.asked: list[tuple[str, ...]] = []
        self._errors = list(errors)

    def __call__(self, step: Step, fact: PageTask) -> Outcome:
        self.asked.append(fact.models)
        if self._errors:
            raise self._errors.pop(0)
        wanted = [one for one in MODELS if not fact.models or one.model in fact.models]
        if step.work.endswith("list_models"):
            return Done(fact_of(fact, wanted))
        names = {one.model for one in wanted}
        if "crashing" in names:
            raise ChildDied("its process ended with 9")
        if "hanging" in names:
            raise ToolHung("gave no sign of life in 120 s")
        return Done(fact_of(fact, wanted))


def failures(child: Child) -> dict[str, str | None]:
    fact = PageRuns(child, MODELS, MADE_BY).analyze("cause", a_head(page_id="i:0001"), TASK)
    return {run.model: run.failure for run in fact.runs}


def test_the_installed_models_are_those_that_a_child_finds():
    assert [one.model for one in installed_models(Child())] == ["calm", "crashing", "hanging"]


def test_models_run_alone_when_one_of_them_ends_the_process():
    child = Child()

    found = failures(child)

    assert found == {
        "calm": None,
        "crashing": "ChildDied: its process ended with 9",
        "hanging": "ToolHung: gave no sign of life in 120 s",
    }
    assert child.asked == [(), ("calm",), ("crashing",), ("hanging",)]


def test_a_store_that_does_not_answer_fails_no_model():
    with pytest.raises(StorageError):
        failures(Child(StorageError("no answer")))
    with pytest.raises(StorageError):
        failures(Child(ChildDied("9"), StorageError("no answer")))


def test_an_image_that_is_gone_fails_every_model_at_once():
    child = Child(ObjectUnusable("k is missing"))

    assert set(failures(child).values()) == {"k is missing"}
    assert child.asked == [()]


def test_what_does_not_fit_into_a_message_is_shortened_to_the_best():
    many = [
        PageSuggestion(
            suggestion_id=f"{n}", kind="term", label="x" * 100, score=1 / n, evidence=("y" * 500,)
        )
        for n in range(1, 1500)
    ]
    runs = [MODELS[0].model_copy(update={"suggestions": tuple(many)})]

    fact = PageRuns(lambda step, task: Done(fact_of(task, runs)), MODELS, MADE_BY).analyze(
        "cause", a_head(page_id="i:0001"), TASK
    )

    assert [one.score for one in fact.runs[0].suggestions] == [1 / n for n in range(1, 11)]
    assert (fact.suggested, len(encode(fact)) < 512 * 1024) == (10, True)


def test_the_id_follows_from_the_cause_and_the_page():
    head = a_head(page_id="i:0001", event_id="e")
    fact = PageRuns(Child(ObjectUnusable("k")), MODELS, MADE_BY).analyze("cause", head, TASK)

    assert fact.head.event_id == event_id_of("cause", "i:0001")
    assert (fact.head.cause_id, fact.head.producer) == ("cause", MADE_BY)
    assert event_id_of("other", "i:0001") != event_id_of("cause", "i:0001")
