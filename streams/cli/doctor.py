"""The command `doctor`. It must work where packages are missing, so modules that load them are
imported late."""

import sys
from dataclasses import asdict
from typing import Any

import click

from infra.doctor import Row, check_parts
from streams.console import Exit, emit, fail, json_option, table
from streams.settings import Settings, deprecated


@click.command()
@click.option("--tune", is_flag=True, help="Measure this machine and print settings that fit it.")
@click.option("--write", is_flag=True, help="With --tune: write the settings file of the home.")
@json_option
def doctor(tune: bool, write: bool, as_json: bool) -> None:
    """Check the requirements of this machine, or tune a line to it.

    Prints how to install missing ones and exits with 3 if there are any."""
    if write and not tune:
        fail(Exit.USAGE, "--write needs --tune", "Run: copystand doctor --tune --write")
    if tune:
        from streams.cli.tune import tune as tune_machine

        tune_machine(as_json, write)
        return
    rows = [*check_parts(), _settings(), _store(Settings.load())]
    emit([asdict(row) for row in rows], as_json, _render_doctor)
    if not all(row.found for row in rows):
        sys.exit(int(Exit.MISSING_PART))


def _settings() -> Row:
    """Whether the environment uses old names of variables."""
    old = deprecated()
    fix = " ".join(f"Rename {name} to {new}." for name, new in old.items())
    return Row("settings", True, ", ".join(old), "no deprecated variable names", fix)


def _store(settings: Settings) -> Row:
    """The row of the object store: its location, and whether it responds."""
    needed = "local disk, or the bucket in COPYSTAND_STORE"
    if settings.s3 is None:
        return Row("store", True, settings.store, needed, "")
    from streams.storage.factory import StoreNotReachable, check_store

    try:
        check_store(settings)
    except StoreNotReachable as failed:
        return Row("store", False, str(failed), needed, failed.fix)
    return Row("store", True, f"{settings.store} at {settings.s3.endpoint}", needed, "")


def _render_doctor(rows: list[dict[str, Any]]) -> None:
    shown = [row | {"found": "yes" if row["found"] else "NO"} for row in rows]
    table(shown, ["part", "found", "version", "needed", "fix"])
