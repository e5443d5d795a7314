"""A role that is told to end does so in time, whatever it waits for."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from unittest.mock import Mock

import pytest

from processors.pipeline import worker_steps
from streams.storage.disk_reserve import DiskReserve
from streams.worker.role import GivenBack, Worker
from streams.worker.scheduler import Task, TaskQueue

NEVER_DONE = """
    import time
    from streams.runtime import lifecycle, logs
    from streams.settings import Settings

    lifecycle.LEAVE_AFTER_SECONDS = 0.5
    logs.set_up_log()
    stop = lifecycle.shutdown_signal(Settings.load(), "worker")
    print("working", flush=True)
    while True:
        time.sleep(0.1)
"""


class Closed:
    """A gate that lets nobody through, as while a tool is broken."""

    def lets_through(self, lane: str) -> bool:
        return False

    def began(self, lane: str) -> None:
        raise AssertionError("nothing may begin")


def test_work_that_is_held_back_is_let_go_at_the_end():
    queue, got = TaskQueue(Closed()), []
    queue.put(Task("text", "normal", Mock(), Mock()))
    waiting = threading.Thread(target=lambda: got.append(queue.get()), daemon=True)
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()

    queue.let_go()

    waiting.join(5)
    assert [task.lane for task in got] == ["text"]


def test_who_cannot_finish_leaves_in_time_and_says_so(tmp_path: Path):
    role = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(NEVER_DONE)],
        env={**os.environ, "COPYSTAND_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert role.stdout is not None and role.stdout.readline() == "working\n"

    role.send_signal(signal.SIGTERM)

    _, told = role.communicate(timeout=20)
    assert role.returncode == 0
    assert "left undone" in told


def test_work_that_waits_for_space_is_given_back_and_not_done_without():
    worker = Worker.__new__(Worker)
    worker._stop = threading.Event()
    worker._room = DiskReserve(lambda: 0, 100, pause=lambda _: worker._stop.set())

    with pytest.raises(GivenBack):
        worker._governed(worker_steps()[0], Mock(files=()))
