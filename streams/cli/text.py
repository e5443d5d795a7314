"""`copystand text`: lists the free texts that persons wrote, and deletes them."""

from typing import Any

import click
import psycopg

from streams import free_texts
from streams.cli.listings import CONNECT_SECONDS, ROLE, postgres_down
from streams.cli.requests import check_pseudonym, control_options, decision_document, decisions_on
from streams.clients.control_requests import RequestedAction, RequestSubject, make_request
from streams.console import Exit, blocks, emit, fail, json_option, out
from streams.free_texts import StoredText
from streams.settings import NotUp, Settings

ACTION = "delete-text"
AT_ONCE = 100
"""References in one request, whose event names all of them."""


@click.group()
def text() -> None:
    """List and delete free text of persons. The log has its keyed digest only."""


@text.command("list")
@click.option("--written-by", help="Only texts of this pseudonym or repository.")
@json_option
def list_texts(written_by: str | None, as_json: bool) -> None:
    """List the texts, oldest first, with their references in the log."""
    rows = [one.document() | {"words": one.words} for one in _stored(written_by)]
    emit(rows, as_json, _render)


def _render(rows: list[dict[str, Any]]) -> None:
    blocks(rows, ["reference", "written_by", "stored_at"], ["words"])


@text.command()
@click.argument("references", nargs=-1, metavar="[REFERENCE]...")
@click.option("--written-by", help="All texts of this pseudonym or repository.")
@control_options
def delete(
    references: tuple[str, ...],
    written_by: str | None,
    by: str,
    reason: str,
    timeout: float,
    as_json: bool,
) -> None:
    """Delete texts and their keys for ever. The log keeps their digests and the deletion."""
    check_pseudonym(by)
    if bool(references) == bool(written_by):
        fail(Exit.USAGE, "select texts either by REFERENCE or with --written-by")
    settings = Settings.load()
    wanted = list(dict.fromkeys(references)) or [
        one.reference for one in _stored(written_by) if one.text is not None
    ]
    action = RequestedAction(ACTION, by, reason)
    portions = (tuple(wanted[at : at + AT_ONCE]) for at in range(0, len(wanted), AT_ONCE))
    requests = [make_request(action, RequestSubject(one), settings.version) for one in portions]
    decisions = decisions_on(settings, requests, timeout)
    refused = [one for one in decisions if not one.granted]
    document = {
        "action": ACTION,
        "granted": not refused,
        "deleted": [name for one in decisions if one.granted for name in one.subjects],
        "decisions": [decision_document(one) for one in decisions],
    }
    if as_json or not refused:
        emit(document, as_json, lambda found: out.print(f"{len(found['deleted'])} deleted"))
    if document["deleted"]:
        _rewrite_table(settings)
    if refused:
        fail(Exit.FAILED, f"{refused[0].code}: {refused[0].fix}")


def _stored(written_by: str | None) -> list[StoredText]:
    try:
        dsn = Settings.load().dsn(ROLE)
        with psycopg.connect(dsn, connect_timeout=CONNECT_SECONDS) as connection:
            return free_texts.all_texts(connection, written_by)
    except (NotUp, psycopg.Error) as down:
        postgres_down(down)


def _rewrite_table(settings: Settings) -> None:
    """Remove what was deleted from the files of the table, too."""
    try:
        free_texts.rewrite_table(settings.dsn("tracker"))
    except (NotUp, psycopg.Error) as failed:
        message = f"the texts are deleted, their table was not written again: {failed}"
        fix = "Run as the role tracker: VACUUM FULL people.texts"
        fail(Exit.MISSING_PART, message, fix)
