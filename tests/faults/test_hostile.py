"""Hundreds of hostile and broken images: each is refused with a code or made something sound of,
in a child that stays within its limits, and none needs a second attempt.

`make test` has two files of each kind of damage in each format, `make long` has six."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from processors.error_catalogue import entries
from processors.outcome import Done, Rejected
from processors.pipeline import STEPS
from processors.tools import Tools
from schemas.models import PageAcquired
from streams.settings import Settings
from streams.storage.local import LocalStorage
from streams.worker.pool import Pool
from tests.hostile.images import Hostile, hostile_images
from tests.support.imaging_builders import an_admitted_page, as_next_input

MEGABYTE = 1_000_000
CHILD_MEGABYTES = 1000
MOST_SECONDS = 30.0
LEAST = {2: 300, 6: 600}
"""Files in all, by the number of each kind of damage."""
BY_NAME = {step.name: step for step in STEPS}
FITTING = {
    "page.not-decodable",
    "page.structure-irregular",
    "page.image-ambiguous",
    "page.decoding-not-supported",
    "page.format-not-supported",
    "page.too-large",
    "page.more-images",
    "page.resolution-unknown",
}
"""What may be said of a file that is damaged or no image of a page."""


@dataclass(frozen=True)
class Answer:
    """What became of one file."""

    file: Hostile
    outcomes: tuple[object, ...]
    seconds: float


@pytest.fixture(scope="module", params=[2, pytest.param(6, marks=pytest.mark.long)])
def each(request: pytest.FixtureRequest) -> int:
    """So many files of each kind of damage."""
    return int(request.param)


@pytest.fixture(scope="module")
def answers(each: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Answer]]:
    """Every file through acquire_page, and what is accepted through what follows."""
    home = tmp_path_factory.mktemp("hostile")
    settings = Settings(home=home, pool_size=2, worker_id="one", child_mb=CHILD_MEGABYTES)
    tools = Tools(storage=LocalStorage(home), scratch=home / "cache")
    pool = Pool(settings)
    # Its children die with the thread that started them: the threads outlive the pool.
    with ThreadPoolExecutor(2) as threads:
        try:
            yield list(
                threads.map(lambda file: answer(pool, tools, file), hostile_images(each=each))
            )
        finally:
            pool.close(patient=False)


def answer(pool: Pool, tools: Tools, file: Hostile) -> Answer:
    """Judge one file as a worker would."""
    page = an_admitted_page(tools, file.content, name=file.file_name)
    begun = time.monotonic()
    outcomes: list[object] = []
    try:
        outcomes.append(pool.run(BY_NAME["acquire_page"], page))
        for fact in getattr(outcomes[0], "facts", ()):
            assert isinstance(fact, PageAcquired)
            for name in ("derive_page", "describe_page"):
                outcomes.append(pool.run(BY_NAME[name], as_next_input(fact)))
    except Exception as surprise:
        outcomes.append(surprise)
    return Answer(file, tuple(outcomes), time.monotonic() - begun)


def shown(answers: list[Answer]) -> str:
    return "\n".join(f"{one.file.name}: {one.outcomes} {one.seconds:.1f} s" for one in answers)


def test_there_are_hundreds_and_no_two_alike(each: int, answers: list[Answer]):
    contents = {(one.file.file_name, one.file.content) for one in answers}

    assert len(contents) >= LEAST[each]
    assert len(contents) >= 0.97 * len(answers)


def test_each_is_refused_with_a_fitting_code_or_made_something_of(each: int, answers: list[Answer]):
    codes = Counter(
        outcome.code if isinstance(outcome, Rejected) else type(outcome).__name__
        for one in answers
        for outcome in one.outcomes
    )
    wrong = [
        one
        for one in answers
        if not all(
            isinstance(outcome, Done)
            or (isinstance(outcome, Rejected) and outcome.code in FITTING & set(entries()))
            for outcome in one.outcomes
        )
    ]

    assert not wrong, f"{codes}\n{shown(wrong)}"
    assert codes["Done"] > 0
    assert codes["page.not-decodable"] > LEAST[each] / 4


def test_none_takes_long(answers: list[Answer]):
    slow = [one for one in answers if one.seconds > MOST_SECONDS]

    assert not slow, shown(slow)
