"""Marks words that are divided at the end of a line in an ALTO (ALTO 4.2, HYP and SUBS_TYPE)."""

from itertools import pairwise

from lxml import etree

HYPHENS = "-\u2010\u00ad\u00ac\u2e17\u2e40="
"""Hyphens of print: hyphen-minus, hyphen, soft hyphen, not sign, oblique double hyphens, equals."""


def mark_divided_words(blocks: list[etree._Element]) -> int:
    """Give each divided word its HYP, and both parts the complete word; the number of these words.

    A word is divided if it ends with a hyphen after a letter, and the next line, or the next
    block, begins with a lower-case letter. Other hyphens at line ends, as in `Nord-`, are
    unchanged. The hyphen gets no box, because the engine measured it with the word."""
    lines = [
        strings
        for block in blocks
        for line in block.iter("{*}TextLine")
        if (strings := line.findall("{*}String"))
    ]
    found = 0
    for first, second in pairwise(lines):
        if _is_divided(first[-1], second[0]):
            _mark(first[-1], second[0])
            found += 1
    return found


def _is_divided(part: etree._Element, rest: etree._Element) -> bool:
    text, following = part.get("CONTENT", ""), rest.get("CONTENT", "")
    ends = len(text) > 1 and text[-1] in HYPHENS and text[-2].isalpha()
    return ends and following[:1].islower()


def _mark(part: etree._Element, rest: etree._Element) -> None:
    text, following = part.get("CONTENT", ""), rest.get("CONTENT", "")
    part.set("CONTENT", text[:-1])
    for string, kind in ((part, "HypPart1"), (rest, "HypPart2")):
        # A word of three lines: its middle part keeps what it is of the first two.
        if string.get("SUBS_TYPE") is None:
            string.set("SUBS_TYPE", kind)
            string.set("SUBS_CONTENT", text[:-1] + following)
    hyphen = etree.Element(part.tag.replace("String", "HYP"), CONTENT=text[-1])
    part.addnext(hyphen)
