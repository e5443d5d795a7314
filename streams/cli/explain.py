"""`copystand explain`: the meaning of an error code and what to do about it."""

from difflib import get_close_matches
from typing import Any

import click
from rich.markdown import Markdown

from processors.error_catalogue import entries
from streams.console import Exit, emit, fail, json_option, out, table


@click.command()
@click.argument("code", required=False)
@json_option
def explain(code: str | None, as_json: bool) -> None:
    """Explain an error code and what to do about it. Without CODE, list all codes."""
    known = entries()
    if code is None:
        rows = [{"code": one.code, "means": one.meaning} for one in known.values()]
        emit(rows, as_json, lambda rows: table(rows, ["code", "means"]))
        return
    if code not in known:
        near = get_close_matches(code, known, n=3) or [one for one in known if code in one][:3]
        hint = f"Did you mean {' or '.join(near)}?" if near else "List all codes: copystand explain"
        fail(Exit.USAGE, f"unknown code {code}", hint)
    emit({"code": code, "text": known[code].text()}, as_json, _show)


def _show(document: dict[str, Any]) -> None:
    out.print(Markdown(f"## {document['code']}\n\n{document['text']}"))
