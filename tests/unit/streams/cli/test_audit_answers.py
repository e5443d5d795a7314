"""The sentences about up to where an answer holds."""

from datetime import UTC, datetime

import pytest

from streams.audit.standing import Standing
from streams.cli.audit_answers import Comparison, events_behind, standing_lines

NOW = Standing(299, 299)
UP_TO = "Events up to seq 299."
SEALED = "As sealed, by the checkpoint of 300 events."


@pytest.mark.parametrize(
    ("comparison", "lines"),
    [
        (Comparison(300, {}), [UP_TO, SEALED]),
        (Comparison(300, {7: "differs"}), [UP_TO]),
        (
            Comparison(None, {}),
            [UP_TO, "Not compared with the sealed log: it is not in this home."],
        ),
        (
            Comparison(299, {}),
            [
                UP_TO,
                "As sealed, by the checkpoint of 299 events.",
                "Events from seq 299 on have no checkpoint yet.",
            ],
        ),
        (
            Comparison(310, {}),
            [
                UP_TO,
                "As sealed, by the checkpoint of 310 events.",
                "The tables are behind the log: 10 sealed events are not in them yet.",
            ],
        ),
    ],
)
def test_an_answer_says_up_to_where_it_holds(comparison: Comparison, lines: list[str]):
    assert standing_lines(NOW, comparison) == lines


def test_an_answer_from_empty_tables_says_so():
    assert standing_lines(Standing(-1, -1), Comparison(0, {}))[0] == "No event."


def test_an_answer_as_of_a_time_names_the_last_event_of_then():
    then = Standing(99, 299, datetime(2026, 3, 1, tzinfo=UTC))

    first, *_ = standing_lines(then, Comparison(300, {}))

    assert first == "As of 2026-03-01T00:00:00.000000Z: events up to seq 99."
    assert events_behind(then, Comparison(300, {})) == 0
