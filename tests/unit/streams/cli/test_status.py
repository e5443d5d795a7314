"""`copystand status`: which batches are printed, and the notes below the tables."""

import subprocess
import sys
from typing import Any

from streams.cli.status import drawn_status, shown_batches
from streams.console import out


def a_status(**changes: Any) -> dict[str, Any]:
    """The status of a line without batches and roles."""
    nothing: dict[str, Any] = {"batches": [], "roles": [], "retries": [], "quiet": []}
    return nothing | {"unanswered": None, "database": None, "persons": 1, "checks": {}} | changes


def printed(status: dict[str, Any], most: int = 20) -> str:
    with out.capture() as captured:
        out.print(drawn_status(status, most))
    return captured.get()


def test_a_database_that_does_not_answer_is_reported_instead_of_an_empty_table_alone():
    text = printed(a_status(database="connection refused"))

    assert "The batches are unknown, PostgreSQL does not answer: connection refused" in text


def test_a_line_on_which_nobody_is_registered_says_how_to_register_the_first_person():
    nobody, somebody = (printed(a_status(persons=count)) for count in (0, 1))

    assert "No person is registered" in nobody
    assert "copystand person add NAME" in nobody
    assert "No person" not in somebody


def test_the_disk_that_lacks_space_is_shown():
    text = printed(a_status(checks={"space": "work waits for free space: /disk has 1.0 MB free"}))

    assert "work waits for free space: /disk has 1.0 MB free" in text


def test_the_limit_of_a_lane_is_shown():
    text = printed(a_status(limits={"text": "20 tasks/min, 1 at once"}))

    assert "lane text is limited to 20 tasks/min, 1 at once" in text


def test_active_batches_are_shown_before_ended_ones():
    rows = [{"batch_id": str(n), "state": "running" if n == 1 else "settled"} for n in range(9)]

    shown, left_out = shown_batches(rows, 3)

    assert ([row["batch_id"] for row in shown], left_out) == (["7", "8", "1"], 6)


def test_batches_that_are_left_out_are_counted():
    rows = [{"batch_id": f"b-{n}", "state": "settled"} for n in range(5)]

    text = printed(a_status(batches=rows), most=3)

    assert "ended batches not shown: 2 (copystand batch list)" in text


def test_unanswered_packages_are_counted_with_the_command_that_lists_them():
    text = printed(a_status(unanswered={"days": 14, "packages": 2}))

    assert "2 packages unanswered for 14 days: copystand packages list --unanswered" in text


def test_failed_objects_are_counted_with_the_command_that_lists_them():
    text = printed(a_status(failed_objects=2))

    assert "2 objects of the store failed: copystand fixity status" in text
    assert "fixity" not in printed(a_status(failed_objects=0))


def test_limits_and_the_classes_that_transfer_or_wait_are_shown():
    idle = {"minimum_mbit": 5.0, "in_bytes_per_second": 0, "out_bytes_per_second": 0}
    idle |= {"in_bytes": 0, "out_bytes": 0, "waits": 0, "waited_seconds": 0.0, "waiting": False}
    rows = [
        idle | {"class": "masters", "out_bytes_per_second": 1_000_000, "waiting": True},
        idle | {"class": "repair"},
    ]
    found = {"rate_mbit": 40.0, "schedule": "mon 08:00-18:00", "fault": None, "classes": rows}

    text = printed(a_status(traffic=found))
    wrong = printed(a_status(traffic=found | {"fault": "traffic.settings-wrong: link: no."}))

    assert "traffic: 40 Mbit/s in each direction, by the schedule mon 08:00-18:00" in text
    assert "masters: in 0.0, out 8.0 Mbit/s, waits for the link" in text
    assert "repair" not in text
    assert "traffic.settings-wrong: link: no. The earlier limits are in force." in wrong
    assert "traffic" not in printed(a_status(traffic=None))


def test_the_figures_of_the_cache_are_one_line():
    cache = {"used_bytes": 512e6, "limit_bytes": 20e9, "hits": 3, "misses": 1, "hit_rate": 0.75}
    used = cache | {"evictions": 1, "damaged": 0}

    assert "cache: 512 of 20,000 MB, 75% of 4 reads found a copy, 1 eviction\n" in printed(
        a_status(cache=used)
    )
    assert "damaged copies removed: 2" in printed(a_status(cache=used | {"damaged": 2}))
    unread = used | {"hits": 0, "misses": 0, "hit_rate": None}
    assert "no reads" in printed(a_status(cache=unread))
    assert "cache" not in printed(a_status(cache=None))


def test_retries_and_silent_batches_are_reported():
    retry = {"step": "acquire_page", "waiting": 1, "next": "12:00"}
    silent = {"batch_id": "b-1", "since": "11:00"}

    text = printed(a_status(retries=[retry], quiet=[silent]))

    assert "acquire_page: 1 task waiting for a retry, the next at 12:00" in text
    assert "batch b-1: no progress since 11:00" in text


def test_status_loads_neither_imaging_nor_ocr_nor_kafka():
    heavy = "{'pyvips', 'pytesseract', 'numpy', 'lxml', 'faust', 'confluent_kafka'}"
    program = f"import sys, streams.cli.status; print(*sorted({heavy} & set(sys.modules)))"

    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert loaded.stdout.split() == []
