"""The figures of a batch agree with its pages, and `status` shows what needs attention."""

import random

from tests.support.line_facts import Delivery

BY_PAGE = """
SELECT count(*) FILTER (WHERE state = 'packaged'), count(*) FILTER (WHERE state = 'quarantined'),
    count(*) FILTER (WHERE state = 'cancelled'),
    count(*) FILTER (WHERE state IN ('registered', 'admitted', 'ended'))
FROM line.pages WHERE batch_id = 'b-1'
"""


def test_the_figures_agree_with_the_pages_after_every_fact(tracker, storage):
    batch = Delivery(storage, "b-1", {"vol-1": 3, "vol-2": 2}, missing=frozenset({"vol-1:0002"}))
    facts = [*batch.everything(), batch.page_quarantined("vol-2:0001", "acquire_page")]
    random.Random(4).shuffle(facts)

    for fact in [batch.received(), batch.accepted(), *facts]:
        tracker.process(fact)
        (by_page,) = tracker.conn.execute(BY_PAGE).fetchall()
        known = sum(by_page)
        counts = tracker.counts("b-1")

        names = ("packaged", "quarantined", "cancelled", "in_flight")
        figures = tuple(counts[name] for name in names)
        assert figures == (*by_page[:3], by_page[3] + counts["registered"] - known)
        assert tracker.counts_add_up()
