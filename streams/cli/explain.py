"""`copystand explain`: the meaning of an error code and what to do about it."""

from difflib import get_close_matches
from typing import Any

import click
from rich.markdown import Markdown

from streams.console import Exit, emit, fail, json_option, out, table
from streams.error_catalogue import sections, summary


@click.command()
@click.argument("code", required=False)
@json_option
def explain(code: str | None, as_json: bool) -> None:
    """Explain an error code and what to do about it. Without CODE, list all codes."""
    codes = sections()
    if code is None:
        rows = [{"code": one, "means": summary(one)} for one in codes]
        emit(rows, as_json, lambda rows: table(rows, ["code", "means"]))
        return
    if code not in codes:
        near = get_close_matches(code, codes, n=3) or [one for one in codes if code in one][:3]
        hint = f"Did you mean {' or '.join(near)}?" if near else "List all codes: copystand explain"
        fail(Exit.USAGE, f"unknown code {code}", hint)
    emit({"code": code, "text": codes[code]}, as_json, _show)


def _show(document: dict[str, Any]) -> None:
    out.print(Markdown(f"## {document['code']}\n\n{document['text']}"))
