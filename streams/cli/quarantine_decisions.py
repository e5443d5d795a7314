"""`copystand quarantine release|reject|withdraw`: decisions about quarantine records."""

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import click

from processors.outcome import StorageError
from processors.page_list import MEDIA_TYPES
from processors.tools import Area
from processors.wording import counted
from schemas.models import ControlDecided, FileRef
from streams.cli.corrected_files import corrected_files, records_of_one_file
from streams.cli.listings import Row, rows
from streams.cli.requests import (
    check_pseudonym,
    control_options,
    decision_document,
    decisions_on,
    emit_decision,
)
from streams.clients.control_requests import RequestedAction, RequestSubject, make_request
from streams.console import Exit, emit, err, fail, out
from streams.kafka.client import OPERATOR
from streams.named_queries import NamedQueries
from streams.settings import Settings
from streams.storage.disk_reserve import NoSpace, require_space
from streams.storage.factory import open_storage
from streams.uploads.upload_record import write_record

CLOSED = "quarantine.not-open"
NOT_A_PAGE = "not-a-page"
query = NamedQueries(Path(__file__).with_name("quarantine.sql"))


def decision_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that select records, and those of every request."""
    for option in (
        control_options,
        click.option("--all", "everything", is_flag=True, help="All open records."),
        click.option("--code", help="All open records with this code."),
        click.option("--batch", help="All open records of this batch."),
        click.argument("ids", nargs=-1, metavar="[ID]..."),
    ):
        command = option(command)
    return command


@click.command()
@click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Corrected page file. Requires exactly one ID.",
)
@click.option(
    "--from",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of corrected page files, which are matched to the pages by name.",
)
@decision_options
def release(**options: Any) -> None:
    """Resume the work where it stopped.

    --file replaces the page file with a corrected one. --from does so for every selected page that
    has exactly one file of its name in a folder; the other records stay open."""
    _send_decisions("release", **options)


@click.command()
@decision_options
def reject(**options: Any) -> None:
    """Cancel the item, or the batch if all of it was refused."""
    _send_decisions("reject", **options)


@click.command()
@click.option(
    "--not-a-page",
    is_flag=True,
    help="The file is not a page of the item: the package is complete without it.",
)
@decision_options
def withdraw(not_a_page: bool, **options: Any) -> None:
    """Continue without the page.

    The page becomes missing and its package is marked incomplete, unless it is --not-a-page."""
    _send_decisions("withdraw", value=NOT_A_PAGE if not_a_page else None, **options)


def _send_decisions(
    action: str,
    ids: tuple[str, ...],
    batch: str | None,
    code: str | None,
    everything: bool,
    by: str,
    reason: str,
    timeout: float,
    as_json: bool,
    file: Path | None = None,
    folder: Path | None = None,
    value: str | None = None,
) -> None:
    check_pseudonym(by)
    if bool(ids) == bool(batch or code or everything):
        fail(Exit.USAGE, "select records either by ID or with --batch, --code or --all")
    if file is not None and (len(ids) != 1 or folder is not None):
        fail(Exit.USAGE, "--file requires exactly one ID and no --from")
    settings = Settings.load()
    subjects = _selected(ids, batch, code)
    files = dict.fromkeys(subjects, file)
    if folder is not None:
        files = _matched(folder, subjects)
    requests = [
        make_request(
            RequestedAction(action, by, reason, one.name if one else value, _stored(settings, one)),
            subject,
            settings.version,
        )
        for subject, one in files.items()
    ]
    decisions = decisions_on(settings, requests, timeout)
    if len(ids) == 1 and decisions:
        emit_decision(decisions[0], as_json)
    else:
        _emit_decisions(action, decisions, as_json, closed_is_done=not ids)


def _matched(folder: Path, subjects: list[RequestSubject]) -> dict[RequestSubject, Path | None]:
    """The records that have a corrected file in a folder; the others are reported."""
    by_id = {one.subjects[0].removeprefix("quarantine:"): one for one in subjects}
    listed = rows(query("delivered_paths"), {"ids": list(by_id)})
    delivered = {row["quarantine_id"]: row["path"] for row in listed}
    found = corrected_files(folder, delivered, records_of_one_file(listed))
    for name in sorted(by_id.keys() - found.keys()):
        path = delivered.get(name, "no page file")
        err.print(f"{name} stays open: no single file for it in {folder} ({path})", soft_wrap=True)
    if not found:
        fix = "Give the corrected files the names of the delivered ones."
        fail(Exit.FAILED, f"no file in {folder} belongs to a selected record", fix)
    return {by_id[name]: path for name, path in found.items()}


def _selected(ids: tuple[str, ...], batch: str | None, code: str | None) -> list[RequestSubject]:
    """The records to decide about; an unknown id is sent as well, for the tracker to refuse."""
    names = list(dict.fromkeys(ids))
    found = rows(query("selected"), {"ids": names, "batch": batch, "code": code})
    by_id = {row["quarantine_id"]: row for row in found}
    return [_subject(name, by_id.get(name, {})) for name in (names or by_id)]


def _subject(name: str, row: Row) -> RequestSubject:
    place = {key: row.get(key) for key in ("batch_id", "item_id", "page_id")}
    return RequestSubject((f"quarantine:{name}",), **place, revision=row.get("revision", 1))


def _stored(settings: Settings, file: Path | None) -> FileRef | None:
    """The corrected file, stored in staging as a station does; None without one."""
    if file is None:
        return None
    media_type = MEDIA_TYPES.get(PurePosixPath(file.name).suffix.lower())
    try:
        require_space(settings, file.name, [file.stat().st_size])
        storage = open_storage(settings)
        stored = storage.keep(
            file,
            area=Area.STAGING,
            use="capture",
            media_type=media_type or "application/octet-stream",
        )
        write_record(storage, settings.signing_key(OPERATOR, of_home=True), stored)
        return stored
    except NoSpace as refused:
        fail(Exit.MISSING_PART, str(refused), refused.fix)
    except StorageError as failed:
        fix = "Check the store: copystand doctor"
        fail(Exit.MISSING_PART, f"cannot store {file}: {failed}", fix)


def _emit_decisions(
    action: str, decisions: list[ControlDecided], as_json: bool, closed_is_done: bool
) -> None:
    """Print the decisions; exits with 1 when one is a refusal.

    A selection means open records. Rejecting one of them closes the others of its item, so a
    record that is closed by then is done (`closed_is_done`)."""
    refused = [
        one for one in decisions if not one.granted and not (closed_is_done and one.code == CLOSED)
    ]
    document = {
        "action": action,
        "granted": not refused,
        "subjects": [subject for one in decisions for subject in one.subjects],
        "code": refused[0].code if refused else None,
        "fix": refused[0].fix if refused else None,
        "decisions": [decision_document(one) for one in decisions],
    }
    emit(document, as_json, _print_summary)
    if refused:
        count = f"{len(refused)} of {counted(len(decisions), 'request')}"
        fail(Exit.FAILED, f"{count} refused; first code: {refused[0].code}")


def _print_summary(document: Row) -> None:
    decisions = document["decisions"]
    granted = sum(one["granted"] for one in decisions)
    count = f"{granted} of {counted(len(decisions), 'request')} granted"
    refused = [one for one in decisions if not one["granted"]]
    if document["granted"]:
        closed = f", {len(refused)} already closed" if refused else ""
        out.print(f"{document['action']}: {count}{closed}")
        return
    out.print(f"{document['action']}: {count}")
    for one in refused:
        text = f"{one['subjects'][0]} {one['code']}: {one['fix']}"
        out.print(text)
