"""`copystand quarantine release|reject|withdraw`: decisions about what was set aside."""

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import click

from processors.outcome import StorageError
from processors.page_list import MEDIA_TYPES
from processors.tools import Area
from schemas.models import ControlDecided, FileRef
from streams.cli.requests import ANSWER, Row, control_options, emit_answer, pseudonym, rows
from streams.clients.control_requests import About, Asked, ask, request_for
from streams.console import Exit, emit, fail, out
from streams.settings import Settings
from streams.storage.factory import open_storage

CHOSEN = """
SELECT quarantine_id, batch_id, item_id, page_id, revision FROM line.quarantine
WHERE (quarantine_id = ANY(%(ids)s) OR (%(ids)s::text[] = '{}' AND state = 'open'
        AND (%(batch)s::text IS NULL OR batch_id = %(batch)s)
        AND (%(code)s::text IS NULL OR code = %(code)s)))
ORDER BY occurred_at, quarantine_id
"""


def decision(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds how records are chosen, by whom and why."""
    for option in (
        click.argument("ids", nargs=-1, metavar="ID…"),
        click.option("--batch", help="All open records of this batch."),
        click.option("--code", help="All open records with this code."),
        click.option("--all", "everything", is_flag=True, help="All open records."),
        control_options,
    ):
        command = option(command)
    return command


@click.command()
@decision
@click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A corrected page file, for exactly one record.",
)
def release(**asked: Any) -> None:
    """Let the work go on where it stopped, with a corrected page file if one is given."""
    _decide("release", **asked)


@click.command()
@decision
def reject(**asked: Any) -> None:
    """Give the material up: the item (or the whole refused batch) counts as cancelled."""
    _decide("reject", **asked)


@click.command()
@decision
def withdraw(**asked: Any) -> None:
    """Go on without the page: it becomes missing and its package is marked incomplete."""
    _decide("withdraw", **asked)


def _decide(
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
) -> None:
    pseudonym(by)
    if bool(ids) == bool(batch or code or everything):
        fail(Exit.USAGE, "give records by their ids, or by --batch, --code or --all")
    if file is not None and len(ids) != 1:
        fail(Exit.USAGE, "--file goes with exactly one ID")
    settings = Settings.load()
    chosen = _chosen(ids, batch, code)
    kept = _staged(settings, file) if file is not None else None
    asked = Asked(action, by, reason, file.name if file else None, kept)
    requests = [request_for(asked, about, settings.version) for about in chosen]
    answers = ask(settings, requests, timeout) if requests else []
    _tell(action, chosen, answers, len(ids) == 1, timeout, as_json)


def _chosen(ids: tuple[str, ...], batch: str | None, code: str | None) -> list[About]:
    """What to ask about; an id that is not known is asked about too, and refused."""
    wanted = list(dict.fromkeys(ids))
    found = rows(CHOSEN, {"ids": wanted, "batch": batch, "code": code})
    known = {row["quarantine_id"]: row for row in found}
    return [_about(name, known.get(name, {})) for name in (wanted or known)]


def _about(name: str, row: Row) -> About:
    about = {key: row.get(key) for key in ("batch_id", "item_id", "page_id")}
    return About((f"quarantine:{name}",), **about, revision=row.get("revision", 1))


def _staged(settings: Settings, file: Path) -> FileRef:
    """The corrected file in staging, as a station puts it there."""
    media_type = MEDIA_TYPES.get(PurePosixPath(file.name).suffix.lower())
    try:
        return open_storage(settings).keep(
            file,
            area=Area.STAGING,
            use="capture",
            media_type=media_type or "application/octet-stream",
        )
    except StorageError as wrong:
        fail(Exit.MISSING_PART, f"the store does not take {file}: {wrong}", "copystand doctor")


def _tell(
    action: str,
    chosen: list[About],
    answers: list[ControlDecided | None],
    single: bool,
    timeout: float,
    as_json: bool,
) -> None:
    told = [one for one in answers if one is not None]
    if len(told) < len(chosen):
        missing = f"{len(chosen) - len(told)} of {len(chosen)} requests"
        fail(
            Exit.TIMEOUT,
            f"the tracker has not answered {missing} within {timeout:g} s",
            "copystand status",
        )
    if single:
        emit_answer(told[0], as_json)
        return
    decisions = [one.model_dump(mode="json", include=ANSWER) for one in told]
    refused = [one for one in told if not one.granted]
    document = {
        "action": action,
        "granted": not refused,
        "subjects": [subject for one in told for subject in one.subjects],
        "code": refused[0].code if refused else None,
        "fix": refused[0].fix if refused else None,
        "decisions": decisions,
    }
    emit(document, as_json, _summary)
    if refused:
        fail(Exit.FAILED, f"{len(refused)} of {len(told)} refused; {refused[0].code}")


def _summary(document: Row) -> None:
    decisions = document["decisions"]
    granted = sum(one["granted"] for one in decisions)
    out.print(f"{document['action']}: {granted} of {len(decisions)} records granted")
    for one in decisions:
        if not one["granted"]:
            out.print(
                f"{one['subjects'][0]} {one['code']}: {one['fix']}", highlight=False, markup=False
            )
