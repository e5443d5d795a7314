"""Finds the message at which the tracker's process ends again and again, so that the next one skips
it. This covers what no exception reports: a crash of the interpreter, a lack of memory, a hang."""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from infra.files import write_atomic
from streams.kafka.messages import Incoming

MOST_ENDS = 3
"""Processes that may end at one message; the next one skips it."""
PORTION = "portion"


class TurnGuard:
    """Counts the turns that processes began and did not finish, in a small file of this machine.

    After a process that ended in a turn, the next one reads its first messages one by one."""

    def __init__(self, file: Path) -> None:
        """Reads what the previous processes left behind; a damaged file counts nothing."""
        self._file = file
        self._counts: dict[str, int] = {}
        with suppress(OSError, ValueError, TypeError, AttributeError):
            found = json.loads(file.read_text("utf-8"))
            self._counts = {str(name): int(count) for name, count in found.items()}
        self._one_by_one = bool(self._counts)
        self._begun = ""

    def turns(self, messages: Sequence[Incoming]) -> list[Sequence[Incoming]]:
        """The messages in the turns in which they are to be processed."""
        if not self._one_by_one or not messages:
            return [messages]
        self._one_by_one = False
        return [[message] for message in messages]

    def ends_processes(self, turn: Sequence[Incoming]) -> bool:
        """Whether this turn is one message at which processes ended until now."""
        return len(turn) == 1 and self._counts.get(_place(turn[0]), 0) >= MOST_ENDS

    def begin(self, turn: Sequence[Incoming]) -> None:
        """Count a turn before it begins. A turn without messages is not counted."""
        if turn:
            self._begun = _place(turn[0]) if len(turn) == 1 else PORTION
            self._counts[self._begun] = self._counts.get(self._begun, 0) + 1
            self._write()

    def end(self) -> None:
        """The turn is committed; the file is written with the next turn."""
        self._counts.pop(self._begun, None)
        self._counts.pop(PORTION, None)
        self._begun = ""

    def forgive(self) -> None:
        """The turn failed for a reason outside its messages and does not count."""
        self.end()
        self._write()

    def _write(self) -> None:
        # On a full disk a turn is not counted. It is no reason to end.
        with suppress(OSError):
            write_atomic(self._file, json.dumps(self._counts), durable=False)


def _place(message: Incoming) -> str:
    return f"{message.topic}:{message.partition}:{message.offset}"
