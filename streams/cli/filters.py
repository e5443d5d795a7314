"""What listings are asked for: of which batch, item, state, since when, how many."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import click


@dataclass(frozen=True)
class Filters:
    """What a listing is asked for; None asks for all."""

    batch: str | None = None
    item: str | None = None
    state: str | None = None
    code: str | None = None
    since: datetime | None = None
    limit: int | None = None

    def values(self) -> dict[str, Any]:
        """As parameters of a query."""
        return asdict(self)


def moment(_: click.Context, __: click.Parameter, text: str | None) -> datetime | None:
    """An option's date or time, UTC where it names no zone. Raises click.BadParameter."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter("a date or time such as 2026-03-01T12:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def filters_of(states: Sequence[str] = (), *, state: str, code: str, since: str) -> Decorator:
    """The filters of every listing (docs/contract.md §8), in the words of this one."""
    kind = click.Choice(list(states)) if states else None

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
            click.option("--limit", type=click.IntRange(min=1), help="At most so many."),
            click.option("--since", callback=moment, help=f"{since} then or later (ISO 8601)."),
            click.option("--code", help=code),
            click.option("--state", type=kind, help=state),
            click.option("--item", help="Of this item, without regard to case."),
            click.option("--batch", help="Of this batch."),
        ):
            command = option(command)
        return command

    return add


filters = filters_of(state="In this state.", code="With this error code.", since="Come")
"""The filters of a listing without words of its own."""
