"""`copystand traffic`: the limits of traffic of a home or station, and what passes now."""

from pathlib import Path
from typing import Any

import click

from infra.files import write_atomic
from processors.error_catalogue import fix_of
from streams.console import Exit, emit, fail, json_option, out, table
from streams.settings import Settings
from streams.traffic.figures import traffic_document
from streams.traffic.traffic import Traffic
from streams.traffic.traffic_file import CODE, local_now
from streams.traffic.traffic_settings import (
    FILE_NAME,
    TrafficSettings,
    TrafficSettingsError,
    parsed_settings,
    read_limited,
)

COLUMNS = [
    *("class", "minimum_mbit", "in_mbit", "out_mbit"),
    *("in_bytes", "out_bytes", "waits", "waited_seconds", "waiting"),
]
EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
Document = dict[str, Any]


@click.group()
def traffic() -> None:
    """Show and change the limits of traffic."""


@traffic.command()
@json_option
def show(as_json: bool) -> None:
    """Show the limits in force, and the traffic of each class.

    With COPYSTAND_STATION they are those of the station, otherwise those of the home."""
    folder = Settings.load().traffic_folder
    document = {"file": str(folder / FILE_NAME), "traffic": traffic_document(Traffic(folder))}
    emit(document, as_json, _print)


@traffic.command("set")
@click.argument("file", type=EXISTING)
@json_option
def set_limits(file: Path, as_json: bool) -> None:
    """Check FILE and make it the limits in force. Running processes read it within 5 s."""
    content, settings = _checked(file)
    folder = Settings.load().traffic_folder
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / FILE_NAME, content)
    _emit_checked(folder / FILE_NAME, settings, as_json)


@traffic.command()
@click.argument("file", type=EXISTING)
@json_option
def check(file: Path, as_json: bool) -> None:
    """Check FILE and show what it would limit now. Changes nothing."""
    _emit_checked(file, _checked(file)[1], as_json)


def _checked(file: Path) -> tuple[bytes, TrafficSettings]:
    try:
        content = read_limited(file)
        return content, parsed_settings(content, file)
    except (TrafficSettingsError, OSError) as wrong:
        fail(Exit.FAILED, f"{CODE}: {wrong}", fix_of(CODE))


def _emit_checked(file: Path, settings: TrafficSettings, as_json: bool) -> None:
    now = local_now()
    entry = settings.entry_at(now)
    document = {
        "file": str(file),
        "rate_mbit": settings.rate_at(now),
        "schedule": str(entry) if entry else None,
    }
    emit(document, as_json, lambda one: out.print(f"{file} is valid. Now: {limit_text(one)}"))


def limit_text(document: Document) -> str:
    """The rate in force and the entry of the schedule that states it."""
    rate, schedule = document["rate_mbit"], document["schedule"]
    text = "no limit" if rate is None else f"{rate:g} Mbit/s in each direction"
    return f"{text}, by the schedule {schedule}" if schedule else text


def class_rows(document: Document) -> list[Document]:
    """The classes for people, with speeds in Mbit/s."""
    return [
        {
            **row,
            "minimum_mbit": "" if row["minimum_mbit"] is None else f"{row['minimum_mbit']:.1f}",
            "in_mbit": f"{row['in_bytes_per_second'] * 8 / 1e6:.1f}",
            "out_mbit": f"{row['out_bytes_per_second'] * 8 / 1e6:.1f}",
            "waited_seconds": f"{row['waited_seconds']:.1f}",
            "waiting": "yes" if row["waiting"] else "",
        }
        for row in document["classes"]
    ]


def _print(document: Document) -> None:
    found = document["traffic"]
    if found is None:
        out.print(f"There are no limits: {document['file']} does not exist.")
        return
    out.print(f"Limits of {document['file']}: {limit_text(found)}")
    if found["fault"]:
        out.print(f"{found['fault']} The earlier limits are in force.")
    table(class_rows(found), COLUMNS)
