"""The order of pages with inserted ones."""

import random

from streams.clients.capture.page_places import BEGINNING, before, in_order
from streams.clients.station.capture_record import CaptureRecord


def page(ref: str, follows: str | None = None) -> CaptureRecord:
    fixed = (f"{ref}.tif", "0" * 64, 1, "", "sane", {}, "as-delivered", {}, {}, {})
    return CaptureRecord(ref, *fixed, follows=follows)


def refs(*records: CaptureRecord) -> list[str]:
    return [one.ref for one in in_order(records)]


def test_pages_have_the_order_of_their_refs():
    assert refs(page("f10"), page("f2"), page("f1")) == ["f1", "f2", "f10"]


def test_an_inserted_page_is_directly_behind_the_page_that_it_follows():
    pages = (page("0001"), page("0002"), page("0003", "0001"), page("0004", "0001"))

    assert refs(*pages) == ["0001", "0004", "0003", "0002"]


def test_a_page_can_be_inserted_before_the_first():
    assert refs(page("0001"), page("0002", BEGINNING)) == ["0002", "0001"]


def test_damaged_records_lose_no_page():
    pages = (page("0001", "0002"), page("0002", "0001"), page("0003", "0009"), page("0004", "0004"))

    assert sorted(refs(*pages)) == ["0001", "0002", "0003", "0004"]


def test_each_of_many_inserted_pages_gets_the_place_that_was_asked():
    for seed in range(50):
        choose = random.Random(seed)
        records, expected = [page("0001")], ["0001"]
        for number in range(2, 40):
            ref, beside = f"{number:04d}", choose.choice(expected)
            at = expected.index(beside)
            if choose.random() < 0.5:
                records.append(page(ref, beside))
                expected.insert(at + 1, ref)
            else:
                records.append(page(ref, before(in_order(records), beside)))
                expected.insert(at, ref)

        assert refs(*records) == expected
