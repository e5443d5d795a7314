"""Objects of a running line are damaged, found, restored by command, and named in the audit log."""

import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest

from streams.fixity.schedule import FixitySchedule
from streams.settings import Settings
from tests.support import pages
from tests.support.delivery import submission
from tests.support.running_line import Line, wait_for

BATCH = "kept"
ITEM = f"{BATCH}.vol-k"
USES = ("master", "access", "package", "receipt")
ASKED = ("--by", "p-4", "--reason", "the disk was replaced")
KEYS = (
    "SELECT DISTINCT ON (use) use, key FROM fixity.owners WHERE item_id = %s AND use = ANY(%s)"
    " ORDER BY use, key"
)
SUBJECTS = (
    "SELECT coalesce(item_id, batch_id), count(*) FROM audit.event"
    " WHERE fact = 'FixityChecked' AND strpos(detail, %s) > 0 GROUP BY 1"
)
OPEN = "SELECT count(*) FROM line.quarantine WHERE quarantine_id = ANY(%s) AND state = 'open'"


@pytest.fixture
def fast(line: Line, tmp_path: Path) -> Line:
    """The line with a packaged item of its own, for runs that read as fast as they can."""
    pages.write_item(tmp_path / "vol-k", 1, first=97)
    line.run(*submission(tmp_path, BATCH))
    return Line(line.home, COPYSTAND_FIXITY_MB_PER_SECOND="0")


def test_a_run_is_killed_and_continued_and_damaged_objects_are_found_and_restored(
    line: Line, fast: Line, tmp_path: Path
):
    with psycopg.connect(line.dsn(), autocommit=True) as database:
        continues_a_run_that_was_killed(line, fast, database)
        keys = dict(database.execute(KEYS, [ITEM, list(USES)]).fetchall())
        objects = {use: (line.home / keys[use]).read_bytes() for use in USES}
        for use in ("master", "receipt"):
            flip(line.home / keys[use])
        for use in ("access", "package"):
            (line.home / keys[use]).unlink()

        found = failures(fast, keys)

        assert {use: one["code"] for use, one in found.items()} == {
            "master": "object.damaged",
            "access": "object.missing",
            "package": "object.missing",
            "receipt": "object.damaged",
        }
        names = [one["quarantine_id"] for one in found.values()]
        wait_for(lambda: one_of(database, OPEN, [names]) == 4, 20, line.logs)
        record = line.ask("quarantine", "show", found["master"]["quarantine_id"])
        assert record["item_id"] == ITEM
        assert "The same bytes are in: staging/" in record["found"]
        assert line.figures(BATCH)["packaged"] == 1

        places: dict[str, str] = {}
        for use in USES:
            # The last three have no copy: the derivative is made again from the restored master,
            # the package from both, and the receipt from its facts.
            restored = line.ask("fixity", "restore", found[use]["sha256"], *ASKED)["restored"]
            places[use] = restored[0]["source"]

        assert {use: (line.home / keys[use]).read_bytes() for use in USES} == objects
        assert places["master"].startswith("staging/")
        assert all("made again" in places[use] for use in USES[1:])
        reads_all_objects_on_schedule(line, database)
        assert failures(fast, keys) == {}
        wait_for(lambda: one_of(database, OPEN, [names]) == 0, 20, line.logs)
    assert_logged(line, found["master"]["sha256"])
    assert_exported(line, tmp_path / "export", keys["master"])


def failures(line: Line, keys: dict[str, str]) -> dict[str, dict[str, Any]]:
    """The failures of our own objects in a run; other tests have changed others."""
    found = {
        one["key"]: one for one in line.run("fixity", "run", "--all", "--json").document["failures"]
    }
    return {use: found[key] for use, key in keys.items() if key in found}


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def one_of(database: psycopg.Connection[Any], query: str, values: list[Any]) -> int:
    row = database.execute(query.encode(), values).fetchone()
    return int(row[0]) if row else 0


def continues_a_run_that_was_killed(
    line: Line, fast: Line, database: psycopg.Connection[Any]
) -> None:
    """kill -9 of a slow run when it has read some subjects: the next run finishes it, and each
    subject has one event."""
    unfinished = "SELECT count(*) FROM fixity.runs WHERE finished_at IS NULL"
    begun = (
        f"{unfinished} AND EXISTS (SELECT FROM fixity.subjects_done d WHERE d.run_id = runs.run_id)"
    )
    slow = Line(line.home, COPYSTAND_FIXITY_MB_PER_SECOND="0.3")
    process = slow.background("fixity", "run", "--all")
    wait_for(lambda: one_of(database, begun, []) == 1, 60, line.logs)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert one_of(database, unfinished, []) == 1

    run = fast.run("fixity", "run", "--all", "--json").document

    def counts() -> dict[str, int]:
        return dict(database.execute(SUBJECTS, [run["run_id"]]).fetchall())

    assert one_of(database, "SELECT count(*) FROM fixity.runs", []) == 1
    wait_for(lambda: len(counts()) == run["subjects"], 30, lambda: f"{counts()} {run}")
    assert set(counts().values()) == {1}
    assert ITEM in counts()


def reads_all_objects_on_schedule(line: Line, database: psycopg.Connection[Any]) -> None:
    """The schedule as the watchdog has it, for an age that every object has."""
    days = {"COPYSTAND_HOME": str(line.home), "COPYSTAND_FIXITY_DAYS": "0.000001"}
    schedule = FixitySchedule(Settings.load(days))
    scheduled = "SELECT count(finished_at) FROM fixity.runs WHERE starts_with(scope, 'older-than')"

    def finished() -> bool:
        schedule.tick()
        return one_of(database, scheduled, []) > 0

    wait_for(finished, 60, line.logs)
    schedule.close()


def assert_logged(line: Line, sha256: str) -> None:
    """The failure and its repair are events that name the object, and the person."""

    def events() -> dict[tuple[str, str, str | None], dict[str, Any]]:
        rows = line.ask("audit", "item", ITEM)
        about = [one for one in rows if f"sha256:{sha256}" in one["objects"]]
        return {(one["event_type"], one["outcome"], one["code"]): one for one in about}

    wait_for(lambda: ("replication", "suc", None) in events(), 20, lambda: f"{events()}")
    found = events()
    assert ("fixity check", "fai", "object.damaged") in found
    assert "p-4" in {agent["name"] for agent in found["replication", "suc", None]["agents"]}


def assert_exported(line: Line, folder: Path, key: str) -> None:
    """The export has the lists that the events name, one with the failure, and is still valid."""
    export = line.ask("audit", "export", "--item", ITEM, folder)

    lists = {path.stem: path.read_bytes() for path in (folder / "fixity").iterdir()}
    assert (len(lists), export["fixity_lists_missing"]) == (export["fixity_lists"], [])
    assert {name: sha256(content).hexdigest() for name, content in lists.items()} == {
        name: name for name in lists
    }
    rows = [row.split("\t") for content in lists.values() for row in content.decode().splitlines()]
    assert {row[2] for row in rows if row[4] == key} == {"intact", "object.damaged"}
    verified = subprocess.run([sys.executable, folder / "verify.py"], capture_output=True)
    assert verified.returncode == 0, verified.stdout
