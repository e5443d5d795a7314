"""Control is asked and decided: a running batch is paused, goes on, and cannot be cancelled late."""

from pathlib import Path

import pytest

from tests.support import pages
from tests.support.delivery import submission
from tests.support.running_line import Line, wait_for

BATCH, PAGES = "controlled", 20
ASKED = ("--by", "p-7", "--reason", "the reading room asks")


@pytest.fixture(scope="module")
def paused(line: Line, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """The answer to a pause that was asked for as soon as the batch was there."""
    folder: Path = tmp_path_factory.mktemp("controlled")
    pages.write_item(folder / "vol-p", PAGES, first=61)
    submitted = line.run(*(word for word in submission(folder, BATCH) if word != "--wait"))
    assert submitted.code == 0, submitted
    known = lambda: line.run("batch", "show", BATCH).code == 0  # noqa: E731
    wait_for(known, 30, lambda: str(line.run("status")))
    answer: dict[str, object] = line.ask("batch", "pause", BATCH, *ASKED)
    return answer


def test_a_paused_batch_admits_no_more_pages_and_goes_on_when_resumed(
    line: Line, paused: dict[str, object]
):
    assert (paused["granted"], paused["subjects"]) == (True, [f"batch:{BATCH}"])
    assert line.figures(BATCH)["state"] == "paused"

    resumed = line.run("batch", "resume", BATCH, *ASKED)

    assert resumed.code == 0
    assert f"batch:{BATCH}" in resumed.stdout
    line.wait_for_figures(BATCH, seconds=120, state="settled", packaged=PAGES)


def test_what_is_over_cannot_be_cancelled_and_the_answer_says_why(
    line: Line, paused: dict[str, object]
):
    refused = line.ask("batch", "cancel", BATCH, *ASKED, code=1)

    assert (refused["granted"], refused["code"]) == (False, "batch.over")


def test_every_decision_stands_in_the_log_with_who_asked(line: Line, paused: dict[str, object]):
    def decisions() -> list[tuple[str, str]]:
        events = line.events("batch", BATCH)
        mine = [event for event in events if event["event_type"] == "decision"]
        assert all("p-7" in str(event["agents"]) for event in mine)
        return [(event["outcome"], event["detail"].split(":")[0]) for event in mine]

    expected = {("suc", "pause"), ("suc", "resume"), ("fai", "cancel")}
    wait_for(lambda: set(decisions()) == expected, 30, lambda: str(decisions()))
