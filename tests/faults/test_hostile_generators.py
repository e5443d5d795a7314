"""The hostile inputs: many, all different, the same for the same seed, each with fitting answers."""

import re
from pathlib import Path

from tests.hostile.case import ALLOWED, PROCESSED
from tests.hostile.everything import everything

ERRORS = Path(__file__).parents[2] / "docs" / "errors.md"
WANTED = 500


def test_there_are_at_least_five_hundred_beside_the_damaged_images_and_all_differ():
    cases = everything()

    assert len({(one.kind, one.content, one.file, str(one)) for one in cases}) >= WANTED
    assert len({one.content for one in cases}) >= WANTED
    assert len({one.name for one in cases}) == len(cases)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others():
    assert everything(1) == everything(1)
    assert everything(1) != everything(2)


def test_every_fitting_answer_is_a_section_of_the_errors():
    known = set(re.findall(r"^## (\S+)$", ERRORS.read_text("utf-8"), re.MULTILINE))
    fitting = {code for codes in ALLOWED.values() for code in codes}
    fitting |= {code for one in everything() for code in one.more}

    assert fitting - {PROCESSED} <= known
