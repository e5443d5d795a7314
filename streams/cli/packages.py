"""The commands of a repository: `packages list`, `show`, `fetch`, `follow`, `receive` and
`pdf`."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, DownloadColumn, Progress

from processors.outcome import StorageError
from streams.cli.filters import filters_of
from streams.cli.follow import follow, receive
from streams.cli.listings import show_row
from streams.cli.package_lookup import completeness_note, looked_up_packages
from streams.cli.page_pdf import pdf
from streams.clients.repository.fetching import fetch as fetch_package
from streams.clients.repository.packages import PackageFilter
from streams.console import Exit, emit, err, fail, json_option, out, table, text_column
from streams.settings import Settings
from streams.storage.disk_reserve import NoSpace, require_space_outside
from streams.storage.factory import reachable_storage
from streams.traffic.link_buckets import TrafficClass

COLUMNS = [
    "package_id", "batch_id", "revision", "state", "completeness", "size_bytes", "published_at",
]  # fmt: skip


@click.group()
def packages() -> None:
    """List, fetch and answer published packages."""


packages.add_command(follow)
packages.add_command(receive)
packages.add_command(pdf)


@packages.command(name="list")
@click.option(
    "--unanswered",
    is_flag=True,
    help="Only packages without an answer for COPYSTAND_ANSWER_DAYS (default 14).",
)
@filters_of(
    ("published", "accepted", "refused", "superseded"),
    state="Only packages in this state. `refused`: by at least one repository.",
    code="Only packages whose item has a quarantine record with this code.",
    since="published",
)
@json_option
def list_packages(as_json: bool, unanswered: bool, **filters: Any) -> None:
    """List packages in order of publication."""
    age = timedelta(days=Settings.load().answer_days) if unanswered else None
    with looked_up_packages() as published:
        rows = published.list(PackageFilter(**filters, unanswered_for=age))
    emit(rows, as_json, lambda found: table(found, COLUMNS))


@packages.command()
@click.argument("package_id")
@json_option
def show(package_id: str, as_json: bool) -> None:
    """Show one package and the answers of repositories."""
    with looked_up_packages() as published:
        row = published.show(package_id) | {"answers": published.answers(package_id)}
    show_row(row, as_json)


@packages.command()
@click.argument("package_id")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@json_option
def fetch(package_id: str, folder: Path, as_json: bool) -> None:
    """Verify a package and unpack its bag into FOLDER/PACKAGE_ID."""
    with looked_up_packages() as published:
        row = published.show(package_id)
        path = _fetched(row, folder)
    document = row | {"path": str(path.absolute())}
    note = completeness_note(row["missing_pages"])
    emit(document, as_json, lambda _: out.print(f"{path}: verified and unpacked{note}"))


def _fetched(row: dict[str, Any], folder: Path) -> Path:
    columns = (text_column("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=err, transient=True) as bars:
        task = bars.add_task(row["package_id"], total=2 * row["size_bytes"])
        try:
            settings = Settings.load()
            storage = reachable_storage(settings, traffic_class=TrafficClass.PACKAGES)
            require_space_outside(settings, folder, row["package_id"], row["size_bytes"])
            return fetch_package(row, storage, folder, lambda done: bars.advance(task, done))
        except NoSpace as refused:
            fail(Exit.MISSING_PART, str(refused), refused.fix)
        except OSError as failed:
            fix = "Check the free space and the permissions of FOLDER."
            fail(Exit.FAILED, f"package was not unpacked: {failed}", fix)
        except StorageError as failed:
            fail(Exit.MISSING_PART, f"storage error: {failed}", "Check the store: copystand doctor")
