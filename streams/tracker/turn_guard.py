"""Finds the message at which the tracker's process ends again and again, so that the next one skips
it. This covers what no exception reports: a crash of the interpreter, a lack of memory, a hang."""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from infra.files import write_atomic
from infra.topics import Partition
from streams.kafka.messages import Incoming

MOST_ENDS = 3
"""Processes that may end at one message; the next one skips it."""
Range = tuple[int, int]
"""The first and the last offset of a turn in a partition."""


class TurnGuard:
    """Counts the turns that processes began and did not finish, in a small file of this machine.

    Messages of a turn in which a process ended are read one by one by the next processes."""

    def __init__(self, file: Path) -> None:
        """Reads what the previous processes left behind; a damaged file counts nothing."""
        self._file = file
        self._ends: dict[str, int] = {}
        self._suspects: dict[Partition, Range] = {}
        with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            found = json.loads(file.read_text("utf-8"))
            self._suspects = {
                (topic, partition): (first, last)
                for topic, partition, first, last in found["turn"]
                if isinstance(first, int) and isinstance(last, int)
            }
            self._ends = {str(place): int(count) for place, count in found["ends"].items()}

    def turns(self, messages: Sequence[Incoming]) -> list[Sequence[Incoming]]:
        """The messages in the turns in which they are to be processed."""
        if not (self._ends or self._suspects) or not messages:
            return [messages]
        turns: list[list[Incoming]] = []
        joins = False
        for message in messages:
            alone = self._is_suspect(message)
            if joins and not alone:
                turns[-1].append(message)
            else:
                turns.append([message])
            joins = not alone
        return [*turns]

    def ends_processes(self, turn: Sequence[Incoming]) -> bool:
        """Whether this turn is one message at which processes ended until now."""
        return len(turn) == 1 and self._ends.get(_place(turn[0]), 0) >= MOST_ENDS

    def begin(self, turn: Sequence[Incoming]) -> None:
        """Count a turn before it begins. A turn without messages is not counted."""
        if len(turn) == 1:
            place = _place(turn[0])
            self._ends[place] = self._ends.get(place, 0) + 1
        if turn:
            self._write(turn)

    def end(self, turn: Sequence[Incoming]) -> None:
        """The turn is committed; the file is written with the next turn."""
        if len(turn) == 1:
            self._ends.pop(_place(turn[0]), None)

    def forgive(self, turn: Sequence[Incoming] = ()) -> None:
        """The turn failed for a reason outside its messages and does not count."""
        self.end(turn)
        self._write(())

    def _is_suspect(self, message: Incoming) -> bool:
        first, last = self._suspects.get((message.topic, message.partition), (1, 0))
        return first <= message.offset <= last or _place(message) in self._ends

    def _write(self, turn: Sequence[Incoming]) -> None:
        ranges: dict[Partition, Range] = {}
        for message in turn if len(turn) > 1 else ():
            at = (message.topic, message.partition)
            first, last = ranges.get(at, (message.offset, message.offset))
            ranges[at] = (min(first, message.offset), max(last, message.offset))
        document = {"turn": [[*at, *ranges[at]] for at in sorted(ranges)], "ends": self._ends}
        # On a full disk a turn is not counted. It is no reason to end.
        with suppress(OSError):
            write_atomic(self._file, json.dumps(document), durable=False)


def _place(message: Incoming) -> str:
    return f"{message.topic}:{message.partition}:{message.offset}"
