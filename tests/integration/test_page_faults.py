"""How often clipped and skewed are printed for real pages, and for faults that were made of them.

The table has what `python -m bench.page_faults --sample` measured on the pages of four collections,
and no page of them."""

from pathlib import Path

import pytest

from bench.page_faults import CODES, COLLECTIONS, CORPORA, Rates, read, rows_of

SAMPLE = Path(__file__).parents[1] / "data" / "page_faults.csv"
ROWS = read(SAMPLE)
RATES = Rates.of(ROWS)
MOST_OF_GOOD, LEAST_OF_FAULTS = 0.02, 0.95


@pytest.mark.parametrize("code", sorted(set(CODES.values())))
def test_at_most_one_good_page_of_fifty_has_the_warning(code: str):
    warned = sum(RATES.good[name, code] for name in COLLECTIONS)

    assert warned <= MOST_OF_GOOD * RATES.pages.total()


@pytest.mark.parametrize("fault", CODES)
def test_of_the_faults_that_were_made_nineteen_of_twenty_are_found(fault: str):
    found, made = (sum(of[name, fault] for name in COLLECTIONS) for of in (RATES.found, RATES.made))

    assert made > 20
    assert found >= LEAST_OF_FAULTS * made


def test_the_table_has_many_pages_of_each_collection():
    assert [name for name in COLLECTIONS if RATES.pages[name] == 0] == []
    assert RATES.pages.total() > 100


@pytest.mark.skipif(not CORPORA.is_dir(), reason=f"{CORPORA} is not on this machine")
def test_the_table_is_what_is_measured_in_a_page():
    first = {one.collection: one for one in reversed(ROWS)}

    for collection, known in first.items():
        stored = [one for one in ROWS if (one.collection, one.page) == (collection, known.page)]
        measured = rows_of((collection, CORPORA / collection / known.page))
        assert [one.fault for one in measured] == [one.fault for one in stored]
        for one, other in zip(measured, stored, strict=True):
            assert one.codes() == other.codes()
            assert one.ink == pytest.approx(other.ink, abs=0.002)
