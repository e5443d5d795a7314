"""Which target shows how exact a capture is."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from streams.clients.station.capture_record import CaptureRecord
from streams.clients.station.delivered_targets import OtherTarget
from streams.clients.station.folder import SubmissionOptions, read_folder
from streams.clients.station.target_links import SessionTargets
from tests.support.deliveries import a_folder, a_png
from tests.unit.streams.clients.station.test_captured_pages import (
    FIRST,
    SECOND,
    THIRD,
    a_record,
    recorded,
)

MEASURED = {"chart": "colorchecker-24", "formula": "ciede2000", "mean_delta_e": 2.5}
COLOUR = {"code": "target.colour-off", "found": "the mean colour difference is 2.5"}


def at(minute: int) -> str:
    return f"2026-05-04T09:{minute:02}:00.000000Z"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "1.png"
    path.write_bytes(a_png(1))
    return path


def target(page: Path, event_id: str = FIRST, minute: int = 10, **changes: Any) -> CaptureRecord:
    stated = {"kind": "target", "target": MEASURED, "captured_at": at(minute)}
    return a_record(page, event_id=event_id, **{**stated, **changes})


def test_a_page_is_linked_to_the_last_target_before_it(page: Path):
    early, late = target(page), target(page, SECOND, 30, target={**MEASURED, "mean_delta_e": 9})
    targets = SessionTargets([("i:0009", late), ("i:0001", early)])

    for minute, event_id, of_page in ((20, FIRST, "i:0001"), (40, SECOND, "i:0009")):
        act = targets.act_for("i:0002", a_record(page, event_id=THIRD, captured_at=at(minute)))

        assert act is not None
        assert f"on page {of_page}, captured before with the same device" in act.detail
        assert f"capture {event_id}" in act.detail
        assert act.sources == ("page:i:0002", f"sha256:{early.sha256}")


def test_a_page_before_the_target_or_of_other_circumstances_is_not_linked(page: Path):
    targets = SessionTargets([("i:0001", target(page))])
    device = a_record(page).device

    for changes in (
        {"captured_at": at(5)},
        {"device": {**device, "serial": "S-2"}},
        {"device": {**device, "name": "test:1"}},
        {"profile": "book-colour"},
        {"driver": "twain"},
    ):
        record = a_record(page, event_id=THIRD, **{"captured_at": at(20), **changes})
        assert targets.act_for("i:0002", record) is None
    assert targets.act_for("i:0002", a_record(page, event_id=THIRD, captured_at=at(20)))


def test_aims_that_are_missed_are_a_warning_with_their_code(page: Path):
    blurred = {"code": "capture.page-blurred", "found": "blurred"}
    kept = SessionTargets([("i:0001", target(page, warnings=[blurred]))])
    missed = SessionTargets([("i:0001", target(page, warnings=[blurred, COLOUR]))])

    for targets, outcome, code, text in (
        (kept, "suc", None, "All limits of the profile are kept."),
        (missed, "war", COLOUR["code"], f"Out of limits: {COLOUR['found']}."),
    ):
        act = targets.act_for("i:0001", target(page))
        assert act is not None
        assert (act.outcome, act.code) == (outcome, code)
        assert "on the page at" in act.detail and "mean colour difference 2.5" in act.detail
        assert act.detail.endswith(text)


def test_a_target_that_was_scanned_again_counts_for_the_pages_before_its_second_scan(page: Path):
    first = target(page)
    second = target(page, SECOND, 30, previous=asdict(first))
    targets = SessionTargets([("i:0001", second)])

    acts = [
        targets.act_for("i:0002", a_record(page, event_id=THIRD, captured_at=at(minute)))
        for minute in (20, 40)
    ]

    assert [event_id in str(act) for act, event_id in zip(acts, (FIRST, SECOND), strict=True)] == [
        True,
        True,
    ]


def test_a_target_of_another_batch_counts_for_a_day_unless_a_later_one_does(page: Path):
    other = OtherTarget("b-0", "i:0009", target(page))
    own = target(page, SECOND, 30)
    targets = SessionTargets([("i:0001", own)], [other])

    for at_page, event_id in (
        (at(20), FIRST),
        (at(40), SECOND),
        ("2026-05-05T09:09:59.000000Z", SECOND),
    ):
        act = targets.act_for("i:0002", a_record(page, event_id=THIRD, captured_at=at_page))
        assert act is not None and f"capture {event_id}" in act.detail

    alone = SessionTargets([], [other])
    act = alone.act_for("i:0002", a_record(page, event_id=THIRD, captured_at=at(20)))
    assert act is not None and "on page i:0009 of batch b-0, captured before" in act.detail
    for changes in (
        {"captured_at": "2026-05-05T09:10:00.000000Z"},
        {"captured_at": at(20), "profile": "book-colour"},
        {"captured_at": at(20), "device": {**a_record(page).device, "serial": "S-2"}},
    ):
        assert alone.act_for("i:0002", a_record(page, event_id=THIRD, **changes)) is None


def test_the_facts_of_a_delivery_have_the_acts_of_its_target(tmp_path: Path):
    folder = a_folder(tmp_path / "ms-88", {f"{n}.png": a_png(n) for n in (1, 2, 3)})
    recorded(folder / "2.png", kind="target", target=MEASURED, captured_at=at(10))
    recorded(folder / "1.png", event_id=SECOND, captured_at=at(5))
    recorded(folder / "3.png", event_id=THIRD, captured_at=at(20))

    facts = read_folder(folder, SubmissionOptions("b-1")).captures

    linked = {one.head.event_id: [act.sources[0] for act in one.acts] for one in facts}
    assert linked == {SECOND: [], FIRST: ["page:b-1.ms-88:0002"], THIRD: ["page:b-1.ms-88:0003"]}
