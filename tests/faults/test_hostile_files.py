"""Hostile records, texts, manifests and bombs: each refused with a fitting code or worked on, in bounded time."""

from collections.abc import Iterator, Sequence

import pytest

from infra.standards import standards_folder
from tests.hostile.case import Hostile
from tests.hostile.everything import files
from tests.hostile.quick import Quick, told

MOST_SECONDS = 30.0
"""For one input through all its steps, beside others."""
GROUPS = 4


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quick]:
    made = Quick(tmp_path_factory.mktemp("hostile"), standards_folder())
    try:
        yield made
    finally:
        made.close()


def judged(quick: Quick, cases: Sequence[Hostile]) -> None:
    rows = list(quick.answers(cases))
    unfit = [row for row in rows if not row[1].fits(row[0])]
    slow = [row for row in rows if row[1].seconds > MOST_SECONDS]
    assert not unfit, told(unfit)
    assert not slow, told(slow)


@pytest.mark.parametrize("group", range(GROUPS))
def test_each_input_is_refused_fittingly_or_processed(quick: Quick, group: int):
    cases = list(files())[group::GROUPS]

    judged(quick, cases)
