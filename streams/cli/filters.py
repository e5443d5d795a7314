"""The filters of every listing: batch, item, state, code, time and number of rows."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import click


@dataclass(frozen=True)
class Filters:
    """The filters of one listing; None does not filter."""

    batch: str | None = None
    item: str | None = None
    state: str | None = None
    code: str | None = None
    since: datetime | None = None
    limit: int | None = None

    def values(self) -> dict[str, Any]:
        """The filters as parameters of a query."""
        return asdict(self)


def timestamp(_: click.Context, __: click.Parameter, text: str | None) -> datetime | None:
    """An option's date or time, in UTC unless it has a zone. Raises click.BadParameter."""
    if text is None:
        return None
    try:
        parsed = datetime.fromisoformat(text.strip())
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{text!r} is not a date or time such as 2026-03-01, 2026-03-01T12:00:00Z or"
            " 2026-03-01T13:00:00+01:00 (UTC without a zone)"
        ) from None


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def filters_of(states: Sequence[str] = (), *, state: str, code: str, since: str) -> Decorator:
    """Adds the filters of every listing (docs/contract.md §8), with help for this one.

    `since` says what the time is of, such as `received`."""
    kind = click.Choice(list(states)) if states else None

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
            click.option("--limit", type=click.IntRange(min=1), help="Maximum number of rows."),
            click.option(
                "--since",
                callback=timestamp,
                help=f"Only those {since} at or after this time (ISO 8601).",
            ),
            click.option("--code", help=code),
            click.option("--state", type=kind, help=state),
            click.option("--item", help="Only this item (case-insensitive)."),
            click.option("--batch", help="Only this batch."),
        ):
            command = option(command)
        return command

    return add
