"""Models look at pages beside the line, persons decide, and the log names model, weights and person."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support import pages, small_analyzers
from tests.support.delivery import submission
from tests.support.running_line import Line, wait_for

ROOT = Path(__file__).parents[2]
BATCH = "seen"
PAGE = f"{BATCH}.vol-s:0001"
ASKED = ("--by", "p-4", "--reason", "Looked at the page.")
SECONDS = 600
"""The models get the processor time that nothing else wants: on a busy machine that is little."""
MODEL = "test-ink"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_analyzers.install(tmp_path_factory.mktemp("analyzers"))


@contextmanager
def enrichment(line: Line, installed: Path, version: str) -> Iterator[None]:
    """The role, which the lines of the tests run without."""
    path = os.pathsep.join([str(installed), str(ROOT)])
    environment = {"PYTHONPATH": path, small_analyzers.VERSION: version}
    process = Line(line.home, **environment).background("run", "enrichment")
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def suggestions(line: Line, *filters: str) -> list[dict[str, Any]]:
    found = line.ask("review", "list", "--batch", BATCH, *filters)
    return [one for one in found if one["model"] == MODEL]


def wait_for_suggestions(line: Line, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    def suggested() -> bool:
        found[:] = suggestions(line)
        return len(found) >= count

    wait_for(suggested, SECONDS, lambda: f"{found} {line.ask('review', 'backlog')}", 0.5)
    return found


def by_our_models(line: Line) -> list[tuple[str, str]]:
    """Kind and label of what the models of the product see on the page, sorted."""
    found = line.ask("review", "list", "--batch", BATCH)
    return sorted(
        (one["kind"], one["label"]) for one in found if one["model"].startswith("copystand-")
    )


def version(line: Line) -> str | None:
    """The version of the model that is installed now."""
    models = line.ask("review", "backlog")["models"]
    return next((one["version"] for one in models if one["model"] == MODEL), None)


@pytest.mark.timeout(2 * SECONDS + 300)
def test_persons_decide_about_what_models_suggest_and_packages_do_not_wait_for_it(
    line: Line, installed: Path, tmp_path: Path
):
    pages.write_item(tmp_path / "vol-s", 1, first=51)
    # What other tests delivered is left out.
    assert line.ask("review", "drop", *ASKED)["granted"] is True
    # No role looks at pages: the package leaves all the same.
    assert line.run(*submission(tmp_path, BATCH)).code == 0

    with enrichment(line, installed, "1"):
        first = {one["kind"]: one for one in wait_for_suggestions(line, 3)}
        wait_for(lambda: len(by_our_models(line)) >= 2, SECONDS, line.logs, 0.5)
        ours = by_our_models(line)
    unknown = line.run("review", "accept", "no-such-id", *ASKED, "--json")
    line.ask("review", "accept", first["writing"]["suggestion_id"], *ASKED)
    line.ask("review", "reject", first["figure"]["suggestion_id"], *ASKED)
    edited = ("--label", "printed books", "--uri", "https://iconclass.org/49M32")
    line.ask("review", "edit", first["term"]["suggestion_id"], *edited, *ASKED)
    decided = {one["kind"]: one for one in suggestions(line)}

    assert list(first["writing"]) == [
        *("suggestion_id", "batch_id", "item_id", "page_id", "kind", "label", "term_uri"),
        *("vocabulary", "score", "box", "model", "state"),
    ]
    assert {(one["page_id"], one["state"]) for one in first.values()} == {(PAGE, "open")}
    assert first["writing"]["box"] is None and len(first["figure"]["box"]) == 4
    # Exactly one kind of writing and one script; no figure on a page of text, and it is not blank.
    assert [kind for kind, _ in ours] == ["script", "writing"]
    assert dict(ours)["writing"] == "print"
    assert (unknown.code, "review.suggestion-unknown" in unknown.stderr) == (1, True)
    assert {kind: one["state"] for kind, one in decided.items()} == {
        "writing": "accepted",
        "figure": "rejected",
        "term": "edited",
    }
    assert (decided["term"]["label"], decided["term"]["vocabulary"]) == ("printed books", "")
    assert suggestions(line, "--open") == []

    with enrichment(line, installed, "2.0"):
        wait_for(lambda: version(line) == "2.0", SECONDS, line.logs, 0.5)
        line.ask("review", "rerun", "--model", MODEL, "--batch", BATCH, *ASKED)
        both = wait_for_suggestions(line, 6)

    later = {one["kind"]: one["state"] for one in both if one not in decided.values()}
    # The person decided about this page: nothing is asked twice.
    assert later == {"writing": "superseded", "figure": "rejected", "term": "superseded"}


def test_the_log_names_model_weights_input_and_person(line: Line):
    def events() -> list[dict[str, Any]]:
        return [
            one
            for one in line.events("page", PAGE)
            if one["event_type"] in ("enrichment", "decision")
        ]

    wait_for(lambda: "edit-suggestion" in str(events()), 60, lambda: str(events()), 0.5)
    found = events()

    runs = {
        (agent["name"], agent["version"], one["outcome"])
        for one in found
        for agent in one["agents"]
        if agent["name"].startswith("test-") and one["event_type"] == "enrichment"
    }
    weights = f" sha256:{small_analyzers.Ink('1').weights_sha256}"
    assert runs >= {
        ("test-ink", f"1{weights}", "suc"),
        ("test-failing", "1", "fai"),
        ("test-crashing", "1", "fai"),
    }
    (inputs,) = {tuple(one["sources"]) for one in found if "Model test-ink 1," in one["detail"]}
    assert inputs and all(one.startswith("sha256:") for one in inputs)
    (accepted,) = [one for one in found if one["detail"] == "accept-suggestion: writing print."]
    agents = {(agent["name"], agent["version"]) for agent in accepted["agents"]}
    assert agents >= {("p-4", None), ("test-ink", f"1{weights}")}
