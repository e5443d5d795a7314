"""From a folder to packages and an auditor's answer, by the commands alone, on the real parts."""

import socket
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from tests.support import expected_outcome
from tests.support.delivery import BATCH, DAMAGED, OPERATOR, SOUND, SUBMITTED, Delivered
from tests.support.invariants import Counts, counts
from tests.support.log_check import check
from tests.support.reader import PREMIS, Fact, Raw, facts_of
from tests.support.running_line import Line
from tests.support.tool_versions import the_tools
from tests.support.whole_log import read_when_quiet, without_intake


def package_files(line: Line, package_id: str, folder: Path) -> Path:
    """The bag of a package, fetched."""
    return Path(line.ask("packages", "fetch", package_id, folder)["path"])


def test_packages_what_is_sound_and_holds_the_item_with_the_damaged_page(
    line: Line, delivered: Delivered
):
    told = delivered.told

    assert delivered.code == 1
    assert (told["batch_id"], told["state"], told["items"], told["pages"]) == (
        BATCH,
        "settled",
        3,
        8,
    )
    assert len(told["quarantined"]) == 1
    assert line.figures(BATCH) == {
        "batch_id": BATCH, "state": "settled", "registered": 8, "packaged": 6, "quarantined": 2,
        "cancelled": 0, "in_flight": 0,
    }  # fmt: skip


def test_the_packages_are_listed_shown_fetched_and_valid(
    line: Line, delivered: Delivered, tmp_path: Path
):
    listed = line.ask("packages", "list", "--batch", BATCH)

    assert {row["package_id"] for row in listed} == {f"{SOUND}.v1", f"{BATCH}.vol-b.v1"}
    for row in listed:
        assert line.ask("packages", "show", row["package_id"]) == row | {"answers": []}
        assert (row["revision"], row["state"]) == (1, "published")
        assert sha256((line.home / row["key"]).read_bytes()).hexdigest() == row["sha256"]
        bag = package_files(line, row["package_id"], tmp_path)
        assert bagit_says(bag) == 0
        assert content_digest(bag) == row["content_digest"]
    masters = sorted((tmp_path / f"{SOUND}.v1" / "data" / "master").iterdir())
    originals = sorted((delivered.folder / "vol-a").glob("*.tif"))
    assert [path.read_bytes() for path in masters] == [path.read_bytes() for path in originals]


def bagit_says(bag: Path) -> int:
    """Exit code of bagit.py, which is not ours."""
    command = [sys.executable, "-m", "bagit", "--validate", "--quiet", str(bag)]
    return subprocess.run(command, capture_output=True).returncode


def content_digest(bag: Path) -> str:
    """The digest of the content part, computed from its definition (docs/contract.md §7)."""
    names = [str(path.relative_to(bag)) for path in (bag / "data").rglob("*") if path.is_file()]
    wanted = sorted(name.encode() for name in names if name != "data/metadata/premis.xml")
    lines = [
        name + b"\0" + sha256((bag / name.decode()).read_bytes()).hexdigest().encode() + b"\n"
        for name in wanted
    ]
    return sha256(b"".join(lines)).hexdigest()


def test_the_damaged_page_is_in_quarantine_with_a_diagnosis(line: Line, delivered: Delivered):
    (quarantine_id,) = delivered.told["quarantined"]

    (row,) = line.ask("quarantine", "list", "--batch", BATCH)
    shown = line.ask("quarantine", "show", quarantine_id)

    assert row["quarantine_id"] == shown["quarantine_id"] == quarantine_id
    assert (row["item_id"], row["page_id"]) == (DAMAGED, f"{DAMAGED}:0002")
    assert (row["code"], row["attempts"], row["state"]) == ("page.not-decodable", 1, "open")
    assert row["resume_at"] == "acquire_page"
    assert row["where"].endswith("f2.tif")
    assert row["found"] and row["fix"]
    assert row["code"] in line.run("explain", row["code"]).stdout


def test_the_audit_answer_for_a_page_is_the_whole_expected_sequence(
    line: Line, delivered: Delivered, tmp_path: Path
):
    raws, _ = read_when_quiet(line)
    known = facts_of(raws)
    chain = the_chain(raws)
    digests = the_digests(line, delivered, known, chain, tmp_path)

    # Others who use this line may have read its objects again.
    answer = [
        event
        for event in line.ask("audit", "page", f"{SOUND}:0001")
        if known[event["cause_id"]].record != "FixityChecked"
    ]

    workers = expected_outcome.workers_of(line.home, socket.gethostname())
    wanted = expected_outcome.sequence(chain, digests, the_tools(), OPERATOR, workers)
    # Branches run side by side, and nothing waits for suggestions: between cause and effect there
    # are many right orders. Each fact's events stand together in theirs.
    order = list(dict.fromkeys(row[3] for row in wanted))
    in_line = sorted(answer, key=lambda event: (order.index(event["cause_id"]), event["ordinal"]))
    assert [expected_outcome.shown(event) for event in in_line] == wanted
    told = list(dict.fromkeys(event["cause_id"] for event in answer))
    assert all(
        told.index(cause) < told.index(fact)
        for fact, cause in chain.causes().items()
        if cause in told
    )
    assert {fact: known[fact].body["head"]["cause_id"] for fact in chain.causes()} == chain.causes()


def the_chain(raws: list[Raw]) -> expected_outcome.Chain:
    (submitted,) = facts_about(facts_of(raws, [SUBMITTED]), "BatchSubmitted", BATCH)
    return expected_outcome.Chain(
        BATCH, SOUND, f"{SOUND}:0001", submitted.body["manifest_sha256"], 0
    )


def facts_about(known: dict[str, Fact], record: str, batch_id: str) -> list[Fact]:
    return [
        fact
        for fact in known.values()
        if fact.record == record and fact.body["head"]["batch_id"] == batch_id
    ]


def the_digests(
    line: Line,
    delivered: Delivered,
    known: dict[str, Fact],
    chain: expected_outcome.Chain,
    folder: Path,
) -> expected_outcome.Digests:
    """Digests computed from the files themselves: in the store, in the folder, in the package."""

    def stored(fact: str, use: str) -> str:
        (file,) = [file for file in known[fact].body["files"] if file["use"] == use]
        return sha256((line.home / file["key"]).read_bytes()).hexdigest()

    bag = package_files(line, f"{SOUND}.v1", folder)
    texts = [stored(chain.recognized, use) for use in ("alto", "hocr", "text", "tsv", "pdf")]
    access = bag / "data" / "access"
    images = [access / f"{SOUND}_0001{suffix}" for suffix in (".tif", ".jpg", ".thumbnail.jpg")]
    package = line.ask("packages", "show", f"{SOUND}.v1")
    return expected_outcome.Digests(
        manifest=stored(chain.received, "manifest"),
        profile=stored(chain.accepted, "profile"),
        page_list=stored(chain.registered, "page-list"),
        item_record=stored(chain.completed, "item-record"),
        master=sha256((delivered.folder / "vol-a" / "f1.tif").read_bytes()).hexdigest(),
        texts=tuple(texts),
        images=tuple(sha256(path.read_bytes()).hexdigest() for path in images),
        metadata=tuple(stored(chain.described, use) for use in ("mix", "embedded")),
        package=sha256((line.home / package["key"]).read_bytes()).hexdigest(),
    )


def test_the_answers_for_item_and_batch_hold_the_answer_for_the_page(
    line: Line, delivered: Delivered, tmp_path: Path
):
    read_when_quiet(line)

    page = {event["event_id"] for event in line.ask("audit", "page", f"{SOUND}:0001")}
    item = {event["event_id"] for event in line.ask("audit", "item", SOUND)}
    batch = {event["event_id"] for event in line.ask("audit", "batch", BATCH)}

    assert page < item < batch
    assert line.ask("audit", "item", DAMAGED)[-1]["batch_id"] == BATCH


def test_the_log_is_what_the_facts_owe_and_the_law_holds(line: Line, delivered: Delivered):
    raws, report = read_when_quiet(line)

    assert report.faults() == []
    assert report.owed > 60
    assert counts(raws, BATCH) == Counts(8, 6, 2, 0, 0)


def test_a_planted_missing_act_and_a_planted_doubled_act_are_told(line: Line, delivered: Delivered):
    raws, _ = read_when_quiet(line)
    raws = without_intake(raws)
    sealed = [raw for raw in raws if raw.topic == PREMIS]
    others = [raw for raw in raws if raw.topic != PREMIS]

    def planted(records: list[Raw]) -> list[str]:
        return check([*others, *renumbered(records)]).faults()

    middle = len(sealed) // 2
    assert planted(sealed) == []
    (missing,) = planted(sealed[:middle] + sealed[middle + 1 :])
    assert missing.startswith("missing: ")
    (doubled,) = planted([*sealed, sealed[middle]])
    assert doubled.startswith("surplus: ") and doubled.endswith("2 times")


def renumbered(records: list[Raw]) -> list[Raw]:
    """As a sealer would have written them that had lost or doubled one: no gap in seq to be seen."""
    return [
        replace(
            raw,
            offset=seq,
            headers=(
                ("seq", seq.to_bytes(8, "big")),
                ("sealed_at", records[-1].headers[1][1]),
                raw.headers[2],
            ),
        )
        for seq, raw in enumerate(records)
    ]
