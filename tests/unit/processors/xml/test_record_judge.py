"""A record is judged by the schema of its root, and by what schemas do not see."""

from pathlib import Path

import pytest

from infra.standards import present, standards_folder
from processors.xml import record_judge
from processors.xml.parser import parse
from tests.support.corpora import corpus
from tests.support.valid_batches import DC, MODS, PREMIS

needs_schemas = pytest.mark.skipif(not present(), reason="no XSD files; run: make standards")
WRAPPED = (
    '<mets xmlns="http://www.loc.gov/METS/"><dmdSec ID="d"><mdWrap MDTYPE="DC"><xmlData>{}</xmlData>'
    "</mdWrap></dmdSec><structMap><div/></structMap></mets>"
)
DC_FIELD = '<dc:{0} xmlns:dc="http://purl.org/dc/elements/1.1/">x</dc:{0}>'


def faults(text: str | bytes) -> list[str]:
    content = text if isinstance(text, bytes) else text.format(title="A", name="b").encode()
    return record_judge.schema_errors(parse(content), standards_folder())


@needs_schemas
@pytest.mark.parametrize(
    "text", [MODS, DC, PREMIS, WRAPPED.replace("{}", DC_FIELD.format("title"))]
)
def test_sound_records_pass(text: str) -> None:
    assert faults(text) == []


@needs_schemas
@pytest.mark.parametrize(
    "text",
    [
        MODS.replace("title>", "titel>"),
        DC.replace("dc:title>", "dc:titel>"),
        PREMIS.replace("intellectualEntity", "book"),
        WRAPPED.replace("{}", DC_FIELD.format("titel")),
        WRAPPED.replace("{}", '<modz xmlns="http://www.loc.gov/mods/v3"/>'),
        WRAPPED.replace("{}", DC.replace("dc:title>", "dc:titel>")),
        WRAPPED.replace("{}", MODS).replace('ID="d"', ""),
    ],
)
def test_a_name_that_no_schema_knows_is_found_also_inside_a_mets(text: str) -> None:
    assert faults(text) != []


@needs_schemas
def test_four_of_the_real_mets_break_their_schema_and_the_others_do_not() -> None:
    files = [
        path
        for path in Path(corpus("mets-vd18")).glob("*.xml")
        if b"mets:mets" in path.read_bytes()
    ]

    broken = {path.stem for path in files if faults(path.read_bytes())}

    assert broken == {
        "12936472X_1880",
        "SBB_PPN1000056597",
        "k2_mets_vd18_058141367",
        "meta_79848",
    }


@pytest.mark.parametrize(
    ("text", "empty", "titled"),
    [
        (MODS, False, True),
        (DC, False, True),
        (PREMIS, False, True),
        ('<mods xmlns="http://www.loc.gov/mods/v3"><note/></mods>', True, False),
        ('<dc xmlns="http://www.openarchives.org/OAI/2.0/oai_dc/"/>', True, False),
        ('<mods xmlns="http://www.loc.gov/mods/v3"><note>x</note></mods>', False, False),
        ('<mets xmlns="http://www.loc.gov/METS/"><structMap><div/></structMap></mets>', True, True),
        (WRAPPED.replace("{}", MODS), False, True),
        (WRAPPED.replace("{}", MODS.replace("title>", "note>")), False, True),
        (WRAPPED.replace("{}", "<a/>"), True, True),
    ],
)
def test_what_says_nothing_and_what_has_no_title(text: str, empty: bool, titled: bool) -> None:
    root = parse(text.format(title="A", name="b").encode())

    assert (record_judge.is_empty(root), record_judge.has_title(root)) == (empty, titled)


def test_names_are_those_of_the_whole() -> None:
    root = parse(WRAPPED.replace("{}", MODS).format(title="A", name="Ms. 88").encode())

    assert record_judge.identifiers(root) == ("Ms. 88",)
    assert record_judge.summary(["a", "b", "c", "d"]) == "4 schema errors: a; b; c and 1 more"
