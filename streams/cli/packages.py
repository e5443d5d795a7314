"""The commands of a repository: `packages list`, `show` and `fetch`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import psycopg
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from streams.cli.filters import moment
from streams.cli.output import Exit, emit, err, fail, json_option, out, table
from streams.clients import packages as client
from streams.settings import Settings
from streams.storage.local import LocalStorage

ROLE = "auditor_ro"
STATES = ("published", "accepted", "refused", "superseded")
SHOWN = ["package_id", "batch_id", "revision", "state", "size_bytes", "published_at"]


@contextmanager
def _asked() -> Iterator[client.Packages]:
    """The packages known to the line; what is missing or refused ends the command."""
    try:
        with client.asking(Settings.load().dsn(ROLE)) as packages:
            yield packages
    except psycopg.OperationalError as down:
        fail(Exit.MISSING_PART, f"Postgres does not answer: {down}".strip(), "Run: copystand up")
    except client.PackageRefused as refused:
        fail(Exit.FAILED, str(refused), refused.fix)


@click.group()
def packages() -> None:
    """Find and fetch the packages that the line has published."""


@packages.command(name="list")
@click.option("--batch", "batch_id", help="Only of this batch.")
@click.option("--item", "item_id", help="Only of this item.")
@click.option("--state", type=click.Choice(STATES))
@click.option("--since", callback=moment, help="Published then or later (ISO 8601, UTC).")
@click.option("--limit", type=click.IntRange(min=1))
@json_option
def list_packages(as_json: bool, **wanted: Any) -> None:
    """List packages in the order in which they were published."""
    with _asked() as known:
        rows = known.list(client.Filter(**wanted))
    emit(rows, as_json, lambda found: table(found, SHOWN))


@packages.command()
@click.argument("package_id")
@json_option
def show(package_id: str, as_json: bool) -> None:
    """Show one package."""
    with _asked() as known:
        row = known.show(package_id)
    emit(row, as_json, _lines)


def _lines(row: dict[str, Any]) -> None:
    for name, value in row.items():
        out.print(f"{name:15} {value}", highlight=False, markup=False)


@packages.command()
@click.argument("package_id")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@json_option
def fetch(package_id: str, folder: Path, as_json: bool) -> None:
    """Verify a package and unpack its bag into FOLDER/PACKAGE_ID."""
    with _asked() as known:
        row = known.show(package_id)
        path = _fetched(row, folder)
    document = row | {"path": str(path.absolute())}
    emit(document, as_json, lambda _: out.print(f"{path}: verified and unpacked", markup=False))


def _fetched(row: dict[str, Any], folder: Path) -> Path:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=err, transient=True) as bars:
        task = bars.add_task(row["package_id"], total=2 * row["size_bytes"])
        try:
            storage = LocalStorage(Settings.load().home)
            return client.fetch(row, storage, folder, lambda done: bars.advance(task, done))
        except OSError as wrong:
            fail(Exit.FAILED, f"nothing was unpacked: {wrong}", "Make room, or choose a folder.")
