"""Renders the history of a subject for a terminal of any width."""

from itertools import groupby
from typing import Any

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from infra.escaping import escaped

OUTCOMES = {"suc": "green", "war": "yellow", "fai": "red"}
"""Outcomes of an event, and their colours."""
Event = dict[str, Any]


def history_view(events: list[Event], detail_length: int = 300) -> Group:
    """The events in groups of one cause, each group below its time (UTC) and subject."""
    width = max((len(event["event_type"]) for event in events), default=0)
    parts: list[Text | Padding] = []
    for _, group in groupby(events, key=lambda event: event["cause_id"]):
        of_cause = list(group)
        parts.append(_heading(of_cause[0]))
        parts.append(Padding(_rows(of_cause, width, detail_length), (0, 0, 0, 2)))
    return Group(*parts)


def _heading(event: Event) -> Text:
    time = str(event["occurred_at"])[:19].replace("T", " ")
    subject = event["page_id"] or event["item_id"] or event["batch_id"] or ""
    return Text(f"{time}  ", "dim") + Text(subject, "bold")


def _rows(events: list[Event], width: int, detail_length: int) -> Table:
    rows = Table.grid(padding=(0, 2))
    rows.add_column(justify="right", min_width=4, no_wrap=True)
    rows.add_column(min_width=width, no_wrap=True)
    rows.add_column(no_wrap=True)
    rows.add_column(overflow="fold")
    for event in events:
        outcome = event["outcome"]
        detail = shortened(event["detail"], detail_length)
        code = Text(f"{event['code']}: " if event["code"] else "", OUTCOMES.get(outcome, ""))
        agents = Text(f"\n{agents_line(event['agents'])}", "dim") if event["agents"] else Text()
        rows.add_row(
            Text(str(event["seq"]), "dim"),
            Text(event["event_type"]),
            Text(outcome, OUTCOMES.get(outcome, "")),
            _mark(event) + code + Text(detail) + agents,
        )
    return rows


def _mark(event: Event) -> Text:
    """What shows that a row is not as it was sealed."""
    return Text("NOT AS SEALED: " if event.get("differs") else "", "bold red")


def agents_line(agents: list[dict[str, Any]]) -> str:
    """Who took part, in one line: names and versions."""
    return "by " + ", ".join(
        escaped(f"{agent['name']} {agent.get('version') or ''}".strip()) for agent in agents
    )


def shortened(text: str, length: int) -> str:
    """The text with its control characters escaped, cut to a length."""
    shown = escaped(text)
    return shown if len(shown) <= length else f"{shown[: length - 1]}…"
