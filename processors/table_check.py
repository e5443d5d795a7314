"""`make schemas`: checks the table of steps, and says what to add."""

import sys
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from string import Formatter

from pydantic import BaseModel

from processors.pipeline import OTHER_FACTS, STEPS, TABLE
from processors.premis import event_type_uri
from processors.step import Row, Step
from schemas.catalogue import LANES, MODELS
from schemas.models import Fact

TABLE_FILE = "processors/pipeline.py"
RETRY_FIELDS = {"attempt", "next_try"}
"""Further fields in the detail of a deferral."""


def table_errors() -> list[str]:
    """The errors in the table; empty if every fact and every row is complete."""
    found = [*_fact_errors(), *_use_errors()]
    for row in TABLE:
        name = row.name if isinstance(row, Step) else row.fact.__name__
        found += [f"{name}: {error}" for error in _row_errors(row)]
    return found


def _fact_errors() -> Iterator[str]:
    rows = Counter(row.fact for row in TABLE)
    for fact in MODELS:
        if not rows[fact]:
            yield (
                f"{fact.__name__} has a schema and no row: add a Step that gives it, or an"
                f" OtherFact, to TABLE in {TABLE_FILE}"
            )
        elif rows[fact] > 1:
            yield f"{fact.__name__} has {rows[fact]} rows in {TABLE_FILE}; leave one"
    also_given = {fact for step in STEPS for fact in step.also_gives}
    for row in OTHER_FACTS:
        if not row.by and row.fact not in also_given:
            yield f"{row.fact.__name__} is written by nobody: say `by` in its row of {TABLE_FILE}"


def _use_errors() -> Iterator[str]:
    uses = Counter(file.use for step in STEPS for file in step.packages)
    yield from (
        f"the use {use} has {n} PackageFile rows; leave one" for use, n in uses.items() if n > 1
    )


def _row_errors(row: Row) -> Iterator[str]:
    if row.premis:
        try:
            event_type_uri(row.premis)
        except KeyError as unknown:
            yield f"{unknown.args[0]}; add it to processors/premis.py, or use one that is there"
        yield from _detail_errors(row)
    if isinstance(row, Step):
        if row.lane not in LANES:
            yield f"no lane is called {row.lane!r}; known: {', '.join(LANES)}"
        if find_spec(row.module) is None:
            yield f"there is no {row.module.replace('.', '/')}.py"
        for file in row.packages:
            if not file.folder.startswith("data/"):
                yield f"{file.use}: a folder of the package begins with data/, not {file.folder}"


def _detail_errors(row: Row) -> Iterator[str]:
    if not row.detail:
        yield "its row has no `detail`: what the event says in words"
    for _, field, _, _ in Formatter().parse(row.detail):
        if field and field not in RETRY_FIELDS and not _known(row.fact, field):
            yield f"its detail names {{{field}}}, which {row.fact.__name__} does not have"


def _known(fact: type[Fact], field: str) -> bool:
    """Whether a field such as fact.counts.files exists in the fact."""
    first, *names = field.split(".")
    model: object = fact
    for name in names:
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return False
        if name not in model.model_fields:
            return False
        model = model.model_fields[name].annotation
    return first == "fact" and bool(names)


def main() -> None:
    """Exit with the errors, one line each."""
    found = table_errors()
    if found:
        sys.exit("the table of steps is incomplete:\n" + "\n".join(found))


if __name__ == "__main__":
    main()
