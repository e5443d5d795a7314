"""A delivered text that nests what ALTO never nests is told once, not once for each level."""

from processors.ocr.delivered_alto import read_delivered
from tests.hostile.documents import documents

WORDS = 2000


def test_blocks_within_blocks_are_told_once():
    (nested,) = (one for one in documents() if one.name == "alto, blocks within blocks")

    assert read_delivered(nested.content, None).words == WORDS
