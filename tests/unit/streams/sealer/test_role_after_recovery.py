"""After events were published again, none is sealed before readers of the topic see them."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from streams.sealer import role
from streams.sealer.event_index import Position
from streams.sealer.recovery import LogsDisagree
from streams.sealer.role import Sealer
from streams.sealer.transactions import TransactionAborted

SEALED, LEFT = 130, 45


class Sealed:
    """A log of some events."""

    size, store = SEALED, None

    def read_plan(self) -> None:
        pass

    def portions(self, start: int) -> list[str]:
        return [f"events from {start} on"]

    def intake_end(self) -> None:
        return None


def a_sealer(monkeypatch: pytest.MonkeyPatch, ends: list[int]) -> tuple[Any, list[str]]:
    """A sealer whose topic ends at one number after the other, and what it wrote to the topic."""
    sealer: Any = Sealer.__new__(Sealer)
    written: list[str] = []
    nothing = SimpleNamespace(check=lambda *_: None, check_end=lambda _: None, newest=None)
    sealer._sealed, sealer._stopping = Sealed(), threading.Event()
    sealer._index = SimpleNamespace(position=lambda: Position(SEALED, 0, 0))
    sealer._checkpoints = sealer._later = sealer._topic_check = nothing
    sealer._transactions = SimpleNamespace(write=written.append)
    sealer._intake = SimpleNamespace(seek=lambda _: 0)
    sealer._topics = SimpleNamespace(premis="premis")
    sealer._open_log = lambda: SimpleNamespace(close=lambda: None)
    monkeypatch.setattr(role, "RETRY_SECONDS", 0.001)
    monkeypatch.setattr(role, "catch_up", lambda *_: Position(ends.pop(0), 0, 0))
    return sealer, written


def test_it_waits_until_what_was_published_again_can_be_read(monkeypatch: pytest.MonkeyPatch):
    # The broker shows the transaction some time after its commit.
    sealer, written = a_sealer(monkeypatch, [LEFT, LEFT, LEFT, SEALED])

    sealer._recover()

    assert (sealer._position.next_seq, written) == (SEALED, [f"events from {LEFT} on"])


def test_it_says_which_event_never_comes_back(monkeypatch: pytest.MonkeyPatch):
    sealer, _ = a_sealer(monkeypatch, [LEFT] * 9)
    monkeypatch.setattr(role, "VISIBLE_SECONDS", 0.0)

    with pytest.raises(LogsDisagree, match=f"seq {LEFT} is missing"):
        sealer._recover()


def test_no_event_gets_a_number_that_the_log_has(monkeypatch: pytest.MonkeyPatch):
    sealer, written = a_sealer(monkeypatch, [])
    sealer._position = Position(LEFT, 0, 0)

    with pytest.raises(TransactionAborted):
        sealer._write([])

    assert written == []
