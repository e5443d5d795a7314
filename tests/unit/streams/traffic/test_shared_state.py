"""The state of a link in a file: shared, and free again after the death of a process."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from streams.traffic.shared_state import FORMAT, Direction, SharedState

NOW = 1_000.0


def add(shared: SharedState, direction: Direction, size: float) -> None:
    with shared.locked(direction, NOW) as state:
        state.classes[0].size_bytes += size


def size(shared: SharedState, direction: Direction) -> float:
    with shared.locked(direction, NOW) as state:
        return state.classes[0].size_bytes


def test_two_users_see_the_same_state_of_each_direction(tmp_path: Path):
    one, other = SharedState(tmp_path / "run" / "state"), SharedState(tmp_path / "run" / "state")

    add(one, Direction.OUT, 5)
    add(other, Direction.OUT, 7)
    add(other, Direction.IN, 100)

    assert (size(one, Direction.OUT), size(one, Direction.IN)) == (12, 100)


def test_a_change_that_failed_is_not_kept(tmp_path: Path):
    shared = SharedState(tmp_path / "state")

    with pytest.raises(ZeroDivisionError), shared.locked(Direction.IN, NOW) as state:
        state.tokens = 1 / 0

    add(shared, Direction.IN, 1)
    assert size(shared, Direction.IN) == 1


def test_a_holder_that_is_killed_releases_the_lock(tmp_path: Path):
    file = tmp_path / "state"
    shared = SharedState(file)
    add(shared, Direction.OUT, 3)
    program = """
        import sys, time
        from pathlib import Path
        from streams.traffic.shared_state import Direction, SharedState

        with SharedState(Path(sys.argv[1])).locked(Direction.OUT, 1000.0) as state:
            state.classes[0].size_bytes += 1_000_000
            print("locked", flush=True)
            time.sleep(600)
    """
    holder = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), file], stdout=subprocess.PIPE
    )
    assert holder.stdout is not None and holder.stdout.readline() == b"locked\n"

    holder.send_signal(signal.SIGKILL)
    holder.wait()

    assert size(shared, Direction.OUT) == 3


def test_a_forked_process_has_a_lock_of_its_own(tmp_path: Path):
    shared = SharedState(tmp_path / "state")
    add(shared, Direction.IN, 0)
    rounds = 2_000
    child = os.fork()
    for _ in range(rounds):
        add(shared, Direction.IN, 1)
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)

    assert size(shared, Direction.IN) == 2 * rounds


def test_a_file_of_another_boot_or_with_other_bytes_begins_again(tmp_path: Path):
    file = tmp_path / "state"
    shared = SharedState(file)
    with shared.locked(Direction.IN, NOW) as state:
        state.classes[0].size_bytes, state.classes[0].filled_at = 9, NOW

    assert size(shared, Direction.IN) == 9
    with shared.locked(Direction.IN, 5.0) as state:
        assert (state.classes[0].size_bytes, state.filled_at) == (0, 5.0)
    file.write_bytes(b"\xff" * FORMAT.size * 2)

    assert size(SharedState(file), Direction.OUT) == 0


def test_a_folder_that_cannot_be_written_gives_a_state_of_this_process(tmp_path: Path):
    (tmp_path / "run").write_text("a file where the folder would be")
    shared = SharedState(tmp_path / "run" / "state")

    add(shared, Direction.IN, 2)
    add(shared, Direction.IN, 2)

    assert size(shared, Direction.IN) == 4
