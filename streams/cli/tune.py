"""`copystand doctor --tune`: measures this machine and says which settings fit a line to it."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from infra import paths
from infra.files import read_json
from streams.console import Exit, emit, err, fail, out, table
from streams.settings import Settings
from streams.settings_file import file_lines, settings_file
from streams.supervisor.state import supervisor_pid
from streams.tuning.advice import Advice, advice
from streams.tuning.grades import former_grades, grades_of
from streams.tuning.measurements import measure
from streams.tuning.tuned_file import read_tuned, write_tuned

RUNNING = (
    "A line is running in {home}: the disk may seem slower than it is. Stop it: copystand down"
)
RESTART = "Settings other than the limits of lanes act when the line starts again."


def tune(as_json: bool, write: bool) -> None:
    """Measure, print the settings with their reasons, and write them if they are to be written."""
    settings = Settings.load()
    home = settings.home
    running = supervisor_pid(home) is not None
    if running:
        err.print(RUNNING.format(home=home), soft_wrap=True)
    try:
        if write:
            paths.prepare_home(home)
        measured = measure(home)
    except (OSError, ImportError) as failed:
        fix = "Check the parts of this machine: copystand doctor"
        fail(Exit.MISSING_PART, f"the machine cannot be measured: {failed}", fix)
    grades = grades_of(measured, former_grades(file_lines(home)), _brokers(settings))
    given = advice(grades)
    rows = [asdict(one) | {"set_by": _set_by(one, home)} for one in given]
    if write:
        write_tuned(home, grades, given)
    document = {
        "measured": asdict(measured),
        "settings": rows,
        "file": str(settings_file(home)) if write else None,
    }
    emit(document, as_json, _render)
    if write and running:
        err.print(RESTART, soft_wrap=True)


def _brokers(settings: Settings) -> int:
    """How many brokers `up` starts on this machine."""
    if settings.kafka_brokers:
        return 0
    known = read_json(settings.home / "kafka" / "cluster.json").get("brokers")
    return int(known or settings.broker_count or 1)


def _set_by(one: Advice, home: Path) -> str:
    """Who sets the variable: the environment, a person in the file, or this command."""
    if os.environ.get(one.name):
        return "environment"
    return "person" if one.name in read_tuned(home).own_names else "doctor"


def _render(document: dict[str, Any]) -> None:
    found = document["measured"]
    out.print(
        f"{found['cores']} cores, {found['memory_mb']:,} MB of memory,"
        f" {found['page_seconds']:.1f} s of processor time for a page,"
        f" {found['sync_ms']:.1f} ms for a synchronous write, {found['mb_per_second']:.0f} MB/s",
        soft_wrap=True,
    )
    table(document["settings"], ["name", "value", "set_by", "reason"])
    if document["file"]:
        out.print(f"written to {document['file']}", soft_wrap=True)
    else:
        out.print("not written; add --write to write the settings file of the home")
