"""Ids are derived from causes; the test vectors never change (docs/ids.md)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import ids


def test_the_parts_are_joined_by_the_unit_separator():
    assert ids.make_id("a", "b") != ids.make_id("ab")
    assert ids.make_id("ms-2026-17", 1) == ids.make_id("ms-2026-17", "1")


def test_a_decision_changes_the_work_id():
    assert ids.work_id("e", "acquire_page") == ids.make_id("e", "acquire_page")
    assert ids.work_id("e", "acquire_page", "d") == ids.make_id("d", "e", "acquire_page")


def test_golden_vectors():
    assert ids.make_id("ms-2026-17", "0" * 64) == "939c30aa-e7c2-5151-b617-a24d8debc845"
    assert ids.package_id("ms-fol-88", 2) == "ms-fol-88.v2"
    assert ids.page_id("ms-fol-88", "0001") == "ms-fol-88:0001"


@pytest.mark.parametrize(
    ("verbatim", "safe"),
    [
        ("ms-fol-88", "ms-fol-88"),
        ("Ms. fol. 88", "Ms.-fol.-88-"),
        ("Übersicht", "U-bersicht-"),
        ("///", "item-"),
    ],
)
def test_an_identifier_becomes_a_valid_item_id(verbatim: str, safe: str):
    made = ids.made_safe(verbatim)

    assert made == safe or (made.startswith(safe.rstrip("-")) and made[-9] == "-")
    assert ids.ITEM_ID.match(made)


@given(st.text(min_size=1))
def test_every_identifier_becomes_a_valid_item_id(verbatim: str):
    assert ids.ITEM_ID.match(ids.made_safe(verbatim))


def test_two_similar_identifiers_give_different_item_ids():
    assert ids.made_safe("a b") != ids.made_safe("a/b")
