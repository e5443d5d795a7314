"""`copystand review`: what models suggest about pages, and what persons decide about it."""

from collections.abc import Sequence
from typing import Any

import click

from processors.error_catalogue import fix_of
from streams.cli.filters import Filters, filters_of
from streams.cli.listings import Row, emit_rows, rows, show_row
from streams.cli.requests import (
    check_pseudonym,
    control_options,
    decision_document,
    decisions_on,
    print_decision,
)
from streams.cli.review_figures import backlog, query, report
from streams.clients.control_requests import RequestedAction, RequestSubject, make_request
from streams.console import Exit, emit, fail, json_option, out
from streams.review_requests import (
    ACCEPT,
    BATCH,
    DROP,
    EDIT,
    ENRICHMENT,
    PAUSE,
    REJECT,
    RERUN,
    RESUME,
    SUGGESTION,
    EditedTerm,
)
from streams.settings import Settings

STATES = ("open", "accepted", "edited", "rejected", "superseded")
KINDS = ("writing", "script", "figure", "language", "term", "duplicate", "blank")
COLUMNS = ["suggestion_id", "page_id", "kind", "label", "score", "model", "state"]


@click.group()
def review() -> None:
    """Show suggestions of models about pages and decide about them."""


review.add_command(report)
review.add_command(backlog)


@review.command("list")
@filters_of(
    STATES,
    state="Only suggestions in this state.",
    code="Only suggestions with this label.",
    since="suggested",
)
@click.option("--kind", type=click.Choice(KINDS), help="Only suggestions of this kind.")
@click.option("--open", "only_open", is_flag=True, help="Only suggestions without a decision.")
@json_option
def list_suggestions(kind: str | None, only_open: bool, as_json: bool, **filters: Any) -> None:
    """List suggestions, oldest first."""
    if only_open and filters["state"] not in (None, "open"):
        fail(Exit.USAGE, "--open and --state cannot be used together")
    values = Filters(**filters).values() | {"kind": kind}
    found = rows(query("list"), values | ({"state": "open"} if only_open else {}))
    emit_rows(found, as_json, COLUMNS)


@review.command()
@click.argument("suggestion_id")
@json_option
def show(suggestion_id: str, as_json: bool) -> None:
    """Show one suggestion in full: the model, its weights, what led to it, the decision."""
    found = rows(query("show"), {"suggestion_id": suggestion_id})
    if not found:
        code = "review.suggestion-unknown"
        fail(Exit.FAILED, f"{code}: {suggestion_id} does not exist", fix_of(code))
    show_row(found[0], as_json)


@review.command()
@click.argument("suggestion_ids", nargs=-1, required=True, metavar="SUGGESTION_ID...")
@control_options
def accept(suggestion_ids: tuple[str, ...], **asked: Any) -> None:
    """Accept suggestions as they are."""
    _decide(ACCEPT, suggestion_ids, **asked)


@review.command()
@click.argument("suggestion_ids", nargs=-1, required=True, metavar="SUGGESTION_ID...")
@control_options
def reject(suggestion_ids: tuple[str, ...], **asked: Any) -> None:
    """Reject suggestions. Later versions of the model do not offer them again."""
    _decide(REJECT, suggestion_ids, **asked)


@review.command()
@click.argument("suggestion_id")
@click.option("--label", required=True, help="What is right.")
@click.option("--uri", default="", help="URI of the term.")
@click.option("--vocabulary", default="", help="Vocabulary of the term, such as iconclass.")
@control_options
def edit(suggestion_id: str, label: str, uri: str, vocabulary: str, **asked: Any) -> None:
    """Accept a suggestion with another label or term."""
    term = EditedTerm(label, uri, vocabulary)
    try:
        EditedTerm.read(term.value())
    except ValueError as wrong:
        fail(Exit.USAGE, f"the term cannot be used: {wrong}")
    _decide(EDIT, (suggestion_id,), value=term.value(), **asked)


@review.command()
@click.option("--model", required=True, help="Id of the model.")
@click.option("--batch", help="Only the items of this batch; all items without it.")
@control_options
def rerun(model: str, batch: str | None, **asked: Any) -> None:
    """Run a model again over pages of completed items."""
    if model not in [row["model"] for row in rows(query("installed"), {})]:
        code = "review.model-unknown"
        fail(Exit.FAILED, f"{code}: no model {model} is installed", fix_of(code))
    about = f"{BATCH}{batch}" if batch else ENRICHMENT
    _ask(RERUN, RequestSubject((about,), batch_id=batch), value=model, **asked)


@review.command()
@control_options
def pause(**asked: Any) -> None:
    """Stop to look at pages, until `resume`. Completed items wait."""
    _ask(PAUSE, RequestSubject((ENRICHMENT,)), **asked)


@review.command()
@control_options
def resume(**asked: Any) -> None:
    """Look at pages again."""
    _ask(RESUME, RequestSubject((ENRICHMENT,)), **asked)


@review.command()
@control_options
def drop(**asked: Any) -> None:
    """Leave out the pages that wait now. Use `rerun` to have them looked at later."""
    _ask(DROP, RequestSubject((ENRICHMENT,)), **asked)


def _ask(
    action: str,
    about: RequestSubject,
    *,
    by: str,
    reason: str,
    timeout: float,
    as_json: bool,
    value: str | None = None,
) -> None:
    """Ask for one decision and print it; exits with 1 when it is refused."""
    check_pseudonym(by)
    asked = RequestedAction(action, by, reason, value)
    print_decision(Settings.load(), asked, about, timeout, as_json)


def _decide(
    action: str,
    suggestion_ids: Sequence[str],
    *,
    by: str,
    reason: str,
    timeout: float,
    as_json: bool,
    value: str | None = None,
) -> None:
    """Ask for a decision about each suggestion; exits with 1 when one is refused."""
    check_pseudonym(by)
    settings, asked = Settings.load(), RequestedAction(action, by, reason, value)
    requests = [
        make_request(asked, RequestSubject((f"{SUGGESTION}{one}",)), settings.version)
        for one in dict.fromkeys(suggestion_ids)
    ]
    decisions = decisions_on(settings, requests, timeout)
    refused = [one for one in decisions if not one.granted]
    document: Row = {
        "action": action,
        "granted": not refused,
        "suggestions": [
            one.subjects[0].removeprefix(SUGGESTION) for one in decisions if one.granted
        ],
        "decisions": [decision_document(one) for one in decisions],
    }
    if as_json or not refused:
        emit(document, as_json, lambda found: out.print(f"{len(found['suggestions'])} decided"))
    if refused:
        fail(Exit.FAILED, f"{refused[0].code}: {refused[0].fix}")
