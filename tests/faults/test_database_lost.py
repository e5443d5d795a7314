"""The database is lost again and again; the tracker is back as soon as the database is. Its files are
lost; it is made again from the topics."""

import shutil
from pathlib import Path

import pytest

from streams.runtime.fatal_errors import LOST_A_SERVER
from tests.support.running_line import Line, wait_for

TIMES = 3
"""With growing pauses, the third would be 2 s."""


@pytest.mark.long
def test_the_tracker_restarts_at_once_and_no_pseudonym_is_given_twice(tmp_path: Path):
    line = Line(tmp_path / "home")
    try:
        line.up()
        for _ in range(TIMES):
            pids = {name: line.parts()[name]["pid"] for name in ("postgres", "tracker")}
            line.kill("postgres")
            wait_for(
                lambda: all(
                    line.parts()[name]["state"] == "ready" and line.parts()[name]["pid"] != pid
                    for name, pid in pids.items()  # noqa: B023
                ),
                30,
                line.logs,
            )
        supervised = (line.home / "log" / "supervisor.log").read_text().splitlines()
        anna, ben = (line.ask("person", "add", name)["pseudonym"] for name in ("Anna", "Ben"))
        words = ("batch", "pause", "no-such-batch", "--by", ben, "--reason", "r", "--timeout", "60")
        assert line.run(*words).code == 1
        line.down()
        shutil.rmtree(line.home / "postgres")
        line.up()
        carla = line.ask("person", "add", "Carla")["pseudonym"]
        names = {one["pseudonym"]: one["name"] for one in line.ask("person", "list")}
    finally:
        line.down()

    exits = [text.partition(" ")[2] for text in supervised if " tracker " in text]
    assert exits == [f"tracker exited with {LOST_A_SERVER}; restart in 0.5 s"] * TIMES
    assert (anna, ben, carla) == ("p-1", "p-2", "p-3")
    # The log still names the others; their names were only in the database.
    assert names == {"p-1": None, "p-2": None, "p-3": "Carla"}
