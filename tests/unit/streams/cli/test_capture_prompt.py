"""What an operator types at a scanner with separator sheets."""

from pathlib import Path

import pytest

from streams.cli.capture_prompt import Operator
from streams.clients.capture import separators
from streams.clients.capture.capture_folder import CaptureFolder
from streams.clients.capture.capture_session import CaptureSession
from streams.clients.capture.item_folders import item_folder
from streams.clients.capture.separators import Separators
from tests.unit.streams.clients.capture.test_capture_session import FEEDER, Sheets, profile
from tests.unit.streams.clients.capture.test_separators import SHEETS, grey_of, pages


def typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: list, *answers: str, ordered: tuple = ()
) -> list[tuple[str, int, str, list[str]]]:
    """The pages after these answers."""
    monkeypatch.setattr(separators, "sheet_on", lambda page: SHEETS.get(grey_of(page)))
    given = iter(answers)
    monkeypatch.setattr(Operator, "_read", staticmethod(lambda _: next(given, "q")))
    folder = CaptureFolder(tmp_path / "b-1", "b-1")
    with folder.opened("as-delivered"):
        item = item_folder(folder, "ms-1")
        session = CaptureSession(folder, Sheets(left), FEEDER, profile())
        session.separators = Separators.resumed(folder, item)
        Operator(session, item, None, lambda _: None, ordered).work()
        return pages(folder)


def test_keys_act_on_the_item_that_a_sheet_has_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    found = typed(tmp_path, monkeypatch, [10, 201, 20], "", "k spine")

    assert [(grey, kind) for _, grey, kind, _ in found] == [(10, "page"), (20, "spine")]


def test_the_operator_leaves_the_item_that_a_sheet_has_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    found = typed(tmp_path, monkeypatch, [201, 10], "", "n ms-3", "s torn")

    assert [(item, kind) for item, _, kind, _ in found if item == "ms-3"] == [("ms-3", "missing")]


def test_the_next_item_of_an_order_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    ordered = ("ms-1", "ms-2")
    found = typed(
        tmp_path, monkeypatch, [], "s torn", "n", "s lost", "n", "n ms-9", "s x", ordered=ordered
    )

    assert [item for item, *_ in found] == ["ms-1", "ms-2", "ms-2"]
