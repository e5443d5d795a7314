"""The ten questions of docs/how-to/an-auditors-afternoon.md, asked of a line and answered correctly."""

import csv
import io
import json
import re
import shlex
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.delivery import BATCH, DAMAGED, OPERATOR, SOUND, Delivered
from tests.support.running_line import Answer, Line
from tests.support.true_order import causes_of, effects_before_causes

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "an-auditors-afternoon.md"
COMMAND = re.compile(r"^```sh\n(copystand .*)$", re.MULTILINE)


@pytest.fixture(scope="module")
def answers(
    line: Line, delivered: Delivered, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[Answer], Path]:
    """The answer to each command of the page, and the folder of the files that it writes."""
    line.wait_for_events("item", SOUND)
    folder: Path = tmp_path_factory.mktemp("afternoon")
    master = sha256((delivered.folder / "vol-a" / "f1.tif").read_bytes()).hexdigest()
    found = []
    for text in COMMAND.findall(PAGE.read_text("utf-8")):
        words = shlex.split(text.replace("ms-fol-88", "vol-a").replace("OBJECT", master))
        words = words[1 : words.index(">")] if ">" in words else words[1:]
        words = [str(folder / one) if one in ("custody.html", "evidence") else one for one in words]
        form = ["--json"] if words[1] in ("page", "item", "events", "object", "verify") else []
        found.append(line.run(*words, *([] if "--csv" in words else form)))
    return found, folder


def test_each_of_ten_questions_is_answered_by_one_command(answers: tuple[list[Answer], Path]):
    found, _ = answers

    assert [(answer.code, answer.stderr) for answer in found if answer.code] == []
    assert len(found) == 11  # the last one writes the evidence for the tenth


def test_histories_are_complete_and_causes_come_first(
    line: Line, answers: tuple[list[Answer], Path]
):
    page, item, *_ = answers[0]

    events = page.document
    rows = list(csv.DictReader(io.StringIO(item.stdout)))
    assert {event["page_id"] for event in events} == {None, f"{SOUND}:0001"}
    assert {row["page_id"] for row in rows} == {"", *(f"{SOUND}:000{one}" for one in (1, 2, 3))}
    assert all(row["agents"] for row in rows)
    causes = causes_of(line)
    assert effects_before_causes(events, causes) == effects_before_causes(
        [{name: row[name] or None for name in ("event_id", "cause_id")} for row in rows], causes
    ) == []  # fmt: skip


def test_failures_persons_software_and_checks_are_found(answers: tuple[list[Answer], Path]):
    failures, person, software = (answer.document["events"] for answer in answers[0][2:5])
    checks = answers[0][7].document["events"]

    quarantined = [one for one in failures if one["batch_id"] == BATCH]
    assert [one["page_id"] for one in quarantined] == [f"{DAMAGED}:0002"]
    assert {one["outcome"] for one in failures} == {"fai"}
    assert all(OPERATOR in {agent["name"] for agent in one["agents"]} for one in person)
    assert "submission receipt" in {one["event_type"] for one in person}
    wanted = {"name": "tesseract", "version": "5.5.4"}
    assert all(any(wanted.items() <= a.items() for a in one["agents"]) for one in software)
    assert {(one["event_type"], one["batch_id"]) for one in checks} == {("fixity check", BATCH)}
    assert {f"{SOUND}:0001", SOUND} <= {one["page_id"] or one["item_id"] for one in checks}


def test_a_file_has_its_origin_its_products_its_package_and_its_checks(
    answers: tuple[list[Answer], Path], delivered: Delivered
):
    document = answers[0][5].document

    digest = sha256((delivered.folder / "vol-a" / "f1.tif").read_bytes()).hexdigest()
    assert document["object"] == f"sha256:{digest}"
    assert [one["fact"] for one in document["origins"]] == ["PageAdmitted", "PageAcquired"]
    made = {one["event_type"] for one in document["products"]}
    assert {"creation", "metadata extraction"} <= made
    assert [one["item_id"] for one in document["packages"]] == [SOUND]
    assert [one["fact"] for one in document["checks"]] == ["PageAcquired", "PackagePublished"]


def test_answers_say_up_to_where_they_hold(line: Line, answers: tuple[list[Answer], Path]):
    found, _ = answers

    for answer in (*found[:8], found[9]):
        words = " ".join(answer.stderr.split())
        assert re.search(r"vents up to seq \d+", words), words
        assert re.search(r"s sealed, by the checkpoint of \d+ events", words), words
    assert "As of 2099-01-01T11:00:00.000000Z" in found[6].stderr
    assert found[8].document["ok"] is True


def test_the_report_agrees_with_the_evidence(answers: tuple[list[Answer], Path]):
    _, folder = answers

    command = ["python3", "-I", "-S", "verify.py"]
    checked = subprocess.run(command, cwd=folder / "evidence", capture_output=True, text=True)
    report = (folder / "custody.html").read_text("utf-8")
    exported = (folder / "evidence" / "entries.jsonl").read_text("utf-8").splitlines()
    assert checked.returncode == 0, checked.stdout + checked.stderr
    for entry in map(json.loads, exported):
        leaf = (folder / "evidence" / "entries" / str(entry["seq"])).read_bytes()
        assert sha256(b"\0" + leaf).hexdigest() in report
