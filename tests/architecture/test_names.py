"""Modules and tests are found by name: no two modules share one, and unit tests mirror modules."""

from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "processors", "infra", "streams", "docs")
SAME_THING_OF_SEVERAL = {
    "role": "how each role runs",
    "queries": "the SQL of the tracker and of auditors",
    "generate": "what writes the generated files of its folder",
    **dict.fromkeys(
        ("writer", "mets", "mets_structure", "premis_document", "premis_objects", "descriptive"),
        "what writes packages of layout 1 and of layout 2",
    ),
}
COMMANDS = "streams/cli"
"""Named after the commands, and therefore like what they show."""


def test_no_two_modules_share_a_name():
    places = defaultdict(list)
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if path.stem not in ("__init__", "__main__") and COMMANDS not in path.as_posix():
                places[path.stem].append(path.relative_to(ROOT).as_posix())

    twice = {name: where for name, where in places.items() if len(where) > 1}

    assert set(twice) <= set(SAME_THING_OF_SEVERAL), twice


def test_each_unit_test_is_named_after_the_module_that_it_tests():
    units = ROOT / "tests" / "unit"
    lost = []
    for path in sorted(units.rglob("test_*.py")):
        folder = ROOT / path.relative_to(units).parent
        subject = path.stem.removeprefix("test_")
        modules = {one.stem for one in folder.glob("*.py")}
        if not any(subject == name or subject.startswith(name + "_") for name in modules):
            lost.append(path.relative_to(ROOT).as_posix())

    assert lost == []
