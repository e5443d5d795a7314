"""The analyzers that are installed: entry points of the group `copystand.analyzers`."""

import logging
from collections.abc import Iterator
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from processors.enrich.analyzer import Analyzer

log = logging.getLogger(__name__)

GROUP = "copystand.analyzers"


@cache
def installed_analyzers() -> tuple[Analyzer, ...]:
    """One object of each analyzer, sorted by id. One that cannot be loaded is left out and logged.

    An entry point names a function without arguments, or a class, that gives an analyzer or a
    sequence of analyzers."""
    found = [one for point in entry_points(group=GROUP) for one in _loaded(point)]
    return tuple(sorted(found, key=lambda one: one.id))


def _loaded(point: EntryPoint) -> Iterator[Analyzer]:
    try:
        made = point.load()()
    except Exception as error:
        # The package of a site is at fault; the others are used.
        extra = {"entry_point": point.value, "error": repr(error)[:500]}
        log.error("analyzer not loaded", extra=extra)
        return
    yield from made if isinstance(made, list | tuple) else (made,)
