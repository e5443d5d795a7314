"""Nested blocks in delivered ALTO are read once."""

from processors.ocr.delivered_alto import read_delivered
from tests.hostile.documents import documents

WORDS = 2000


def test_nested_blocks_are_read_once():
    (nested,) = (one for one in documents() if one.name == "alto, blocks within blocks")

    assert read_delivered(nested.content, None).words == WORDS
