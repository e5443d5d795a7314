"""A new step is one file, one schema and one row: shown with a toy step on a line of its own.

The tree is copied, the step is added to the copy, and a page goes through a line of that copy."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient
from lxml import etree

from docs.generate import pages as generated_pages
from infra.paths import cache_folder
from tests.support import pages
from tests.support.running_line import Line, wait_for

ROOT = Path(__file__).parents[2]
TOY = Path(__file__).parent / "a_new_step"
IMPORT = (
    "    PageEnriched,\n    PageRecognized,\n",
    "    PageEnriched,\n    PageMeasured,\n    PageRecognized,\n",
)
BEFORE = "    OtherFact(\n        WorkDeferred,\n"
ROW = """    Step(
        "measure_page",
        PageAcquired,
        PageMeasured,
        premis="validation",
        detail="Colour target compared: {fact.patches} patches.",
        lane="derivatives",
        packages=(PackageFile("measurement", "data/measurement", "MEASUREMENT", ".json"),),
        branch=True,
    ),
"""
PROFILE = """extends = "as-delivered"
required_branches = ["derive_page", "measure_page"]
optional_branches = []
"""
BATCH, PAGE = "measured", "measured.vol:0001"
TOPIC, GROUP = "digitization.page.measured.v1", "copystand.measure_page"
SECONDS = 60.0
FAILED = "measure_page, attempt 1 of 12: the chart is not there"
DETAIL = "Colour target compared: 24 patches."
METS = {"mets": "http://www.loc.gov/METS/", "xlink": "http://www.w3.org/1999/xlink"}


def in_tree(tree: Path, *command: str) -> str:
    """What a command writes that runs in a tree and with its packages."""
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree to which the toy step was added as README says."""
    copy = tmp_path_factory.mktemp("tree")
    listed = in_tree(ROOT, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    in_tree(copy, "git", "init", "-q")
    in_tree(copy, "git", "add", "-A")
    in_tree(copy, "git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "before")
    add_the_step(copy)
    in_tree(copy, "make", "-s", "-o", "install", "schemas", f"PYTHON={sys.executable}")
    in_tree(copy, sys.executable, "-m", "docs.generate")
    return copy


def add_the_step(tree: Path) -> None:
    """One file, one schema, one row."""
    shutil.copy(TOY / "measure_page.py", tree / "processors")
    shutil.copy(TOY / "page_measured.avsc", tree / "schemas" / "avro")
    table = tree / "processors" / "pipeline.py"
    text = table.read_text("utf-8")
    assert (text.count(IMPORT[0]), text.count(BEFORE)) == (1, 1)
    table.write_text(text.replace(*IMPORT).replace(BEFORE, ROW + BEFORE), "utf-8")


@dataclass
class Course:
    """What was seen of the page on its way."""

    line: Line
    waiting: dict[str, Any]
    """Figures of its batch while the step had no answer."""
    deferred: list[dict[str, Any]]
    """Events of the page at that time."""
    settled: dict[str, Any]
    """Figures of its batch at the end."""
    history: list[dict[str, Any]]
    """What `audit page` says at the end."""


@pytest.fixture(scope="module")
def course(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    """One page on a line of the copy; the step's chart comes after its first attempt."""
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("delivery")
    line = Line(home, PYTHONPATH=str(tree), COPYSTAND_CACHE=str(cache_folder()))
    profiles = home / "profiles"
    profiles.mkdir()
    (profiles / "measured.toml").write_text(PROFILE, "utf-8")
    pages.write_item(folder / "vol", 1)
    try:
        line.up()
        line.ask("station", "submit", folder, "--batch-id", BATCH, "--profile", "measured")
        deferred = history_once(line, "PageDerived", "WorkDeferred")
        waiting = line.figures(BATCH)
        (profiles / "chart.json").write_text('{"patches": 24}', "utf-8")
        settled = figures_once(line, "settled")
        yield Course(line, waiting, deferred, settled, history_once(line, "PageMeasured"))
    finally:
        line.down()


def history_once(line: Line, *facts: str) -> list[dict[str, Any]]:
    """The events of the page once there is one of each of these facts."""
    seen: list[dict[str, Any]] = []

    def complete() -> bool:
        answer = line.run("audit", "page", PAGE, "--json")
        seen[:] = answer.document if answer.code == 0 else []
        return set(facts) <= {one["fact"] for one in seen}

    wait_for(complete, SECONDS, lambda: f"{[one['detail'] for one in seen]}\n{line.logs()}")
    return seen


def figures_once(line: Line, state: str) -> dict[str, Any]:
    """The figures of the batch once it is in this state."""
    seen: dict[str, Any] = {}

    def reached() -> bool:
        seen.update(line.figures(BATCH))
        return seen.get("state") == state

    wait_for(reached, SECONDS, lambda: f"{seen}\n{line.logs()}")
    return seen


def test_adding_a_step_changes_just_its_three_files_and_generated_ones(tree: Path):
    changed = {
        line[3:]: line[:2].strip()
        for line in in_tree(tree, "git", "status", "--porcelain", "-uall").splitlines()
    }

    own = {
        "processors/measure_page.py": "??",
        "schemas/avro/page_measured.avsc": "??",
        "processors/pipeline.py": "M",
    }
    generated = {"schemas/models.py", *(f"docs/{name}" for name in generated_pages())}
    (registered,) = (tree / "schemas" / "registered").glob("*.PageMeasured.avsc")
    generated.add(str(registered.relative_to(tree)))
    assert own.items() <= changed.items()
    assert changed.keys() - own.keys() <= generated


def test_the_generated_docs_have_its_topic_its_record_and_its_row(tree: Path):
    topics = (tree / "docs" / "topics.md").read_text("utf-8")
    steps = (tree / "docs" / "steps.md").read_text("utf-8")

    row = f"| `{TOPIC}` | [`PageMeasured`](#pagemeasured) | page_id | 12 | measure_page | tracker |"
    assert row in topics
    assert "## PageMeasured\nThe colour target on a page was compared with its chart." in topics
    assert "| measure_page | [`PageAcquired`](topics.md#pageacquired) |" in steps
    assert "| `measurement` | measure_page | `data/measurement/` | `MEASUREMENT` |" in steps


def test_its_topic_and_its_consumer_group_exist(course: Course):
    client = AdminClient({**course.line.kafka.client})

    topics = client.list_topics(timeout=10).topics
    groups = {one.group_id for one in client.list_consumer_groups().result().valid}

    assert len(topics[TOPIC].partitions) == 12
    assert GROUP in groups


def test_a_failed_attempt_is_put_off_by_the_retry_policy(course: Course):
    first, *_ = (one for one in course.deferred if one["event_type"] == "deferral")

    assert first["detail"].startswith(f"{FAILED}; next attempt in ")
    assert (first["outcome"], first["code"]) == ("fai", "deferred.storage")


def test_a_page_waits_for_it_and_goes_on(course: Course):
    assert all(one["detail"] != DETAIL for one in course.deferred)
    assert (course.waiting["state"], course.waiting["in_flight"]) == ("running", 1)
    assert (course.settled["packaged"], course.settled["in_flight"]) == (1, 0)


def test_its_event_is_in_the_history_of_the_page_with_the_detail_of_the_row(course: Course):
    (event,) = (one for one in course.history if one["detail"] == DETAIL)
    ingestion = next(one for one in course.history if one["event_type"] == "ingestion")

    assert (event["event_type"], event["outcome"]) == ("validation", "suc")
    assert course.history.index(ingestion) < course.history.index(event)


def test_its_file_is_in_the_package_and_in_mets(course: Course, tmp_path: Path):
    (listed,) = course.line.ask("packages", "list", "--batch", BATCH)
    bag = Path(course.line.ask("packages", "fetch", listed["package_id"], tmp_path)["path"])
    metadata = bag / "data" / "metadata"

    (file,) = (bag / "data" / "measurement").iterdir()
    mets = etree.parse(metadata / "mets.xml")
    (address,) = mets.xpath(
        "//mets:fileGrp[@USE='MEASUREMENT']/mets:file[@USE='measurement']/mets:FLocat/@xlink:href",
        namespaces=METS,
    )

    assert json.loads(file.read_bytes()) == {"page": "0001", "patches": 24}
    assert address == f"../measurement/{file.name}"
    assert file.name.endswith(".json")
    assert f"<eventDetail>{DETAIL}<" in (metadata / "premis.xml").read_text("utf-8")
    subprocess.run([sys.executable, "-m", "bagit", "--validate", "--quiet", str(bag)], check=True)
