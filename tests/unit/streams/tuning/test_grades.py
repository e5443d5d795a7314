"""Measurements of one machine vary; their grades do not."""

import random

from streams.tuning.advice import advice
from streams.tuning.grades import (
    DISK_STEPS,
    PAGE_SECONDS_OF_REFERENCE,
    SLOWNESS_STEPS,
    SYNC_STEPS,
    Grades,
    former_grades,
    grades_of,
)
from streams.tuning.measurements import Measurements


def measured(
    mb_per_second: float = 200, sync_ms: float = 2, slowness: float = 1, cores: int = 2
) -> Measurements:
    seconds = slowness * PAGE_SECONDS_OF_REFERENCE
    return Measurements(cores, 4000, seconds, sync_ms, mb_per_second)


def test_a_grade_is_the_highest_step_that_a_measurement_reaches():
    found = grades_of(measured(mb_per_second=11, sync_ms=39, slowness=5), {})

    assert found == Grades(2, 4000, disk_mb_per_second=8, sync_ms=10, slowness=4)


def test_what_is_below_the_first_step_has_the_first_step():
    found = grades_of(measured(mb_per_second=0.3, slowness=0.4), {})

    assert (found.disk_mb_per_second, found.slowness) == (1, 1)


def test_the_second_run_on_a_machine_gives_the_same_settings():
    drawn = random.Random(11)
    for _ in range(2000):
        true = [drawn.uniform(0.5, 300), drawn.uniform(0.1, 300), drawn.uniform(0.5, 12)]
        first, second = (
            measured(*(value * drawn.uniform(0.9, 1.1) for value in true)) for _ in range(2)
        )
        written = grades_of(first, {})

        assert grades_of(second, former_grades(["# a comment", written.line()])) == written
        assert advice(grades_of(second, former_grades([written.line()]))) == advice(written)


def test_a_clearly_different_machine_gets_other_grades():
    written = former_grades([grades_of(measured(20, 15, 1), {}).line()])

    found = grades_of(measured(4, 90, 4, cores=1), written)

    assert found == Grades(1, 4000, disk_mb_per_second=4, sync_ms=40, slowness=4)


def test_a_line_with_unknown_grades_is_not_used():
    former = former_grades(["# measured: disk_mb_per_second=7 sync_ms=many slowness=2"])

    found = grades_of(measured(20, 15, 2.2), former)

    assert (found.disk_mb_per_second, found.sync_ms, found.slowness) == (16, 10, 2)
    assert 16 in DISK_STEPS and 10 in SYNC_STEPS and 2 in SLOWNESS_STEPS
