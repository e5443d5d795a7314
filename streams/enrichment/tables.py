"""The tables of the role enrichment: what waits, what was looked at, what was suggested."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from infra.topics import Partition
from schemas.codec import Undecodable, decode, encode
from schemas.models import Fact, ItemCompleted, ModelRun, PageAnalyzed
from streams.kafka.messages import Incoming
from streams.named_queries import NamedQueries

QUERY = NamedQueries(Path(__file__).with_name("queries.sql"))
Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class ItemWork:
    """An item whose pages are to be looked at."""

    cause_id: str
    """The completion of the item, or the decision to run a model again."""
    model: str
    """The model that is wanted; empty for all."""
    completed: ItemCompleted


class Tables:
    """Reads and writes the tables; each change is one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def offsets(self) -> dict[Partition, int]:
        """The next offset of each partition that was read before."""
        return {(row[0], row[1]): row[2] for row in self._rows("offsets")}

    def take_in(self, messages: Sequence[Incoming]) -> None:
        """Store what was read: completed items become work, analyses become suggestions."""
        with self._connection.transaction():
            for message in messages:
                self._take(message)
                at = {"topic": message.topic, "partition": message.partition}
                self._rows("put_offset", **at, next_offset=message.offset + 1)

    def expand_reruns(self) -> None:
        """Turn new decisions to run a model again into work."""
        self._rows("expand_reruns")

    def is_paused(self) -> bool:
        """Whether a person paused the work."""
        return bool(self._rows("is_paused")[0][0])

    def next_work(self) -> ItemWork | None:
        """The item that waits longest; None if none does."""
        rows = self._rows("next_work")
        if not rows:
            return None
        cause_id, _, model, value = rows[0]
        completed = decode(value, ItemCompleted)
        assert isinstance(completed, ItemCompleted)
        return ItemWork(cause_id, model, completed)

    def is_wanted(self, work: ItemWork) -> bool:
        """Whether the work goes on: it is neither paused nor dropped."""
        return bool(self._rows("is_wanted", **_key(work))[0][0])

    def finish(self, work: ItemWork) -> None:
        """Record that all pages of an item were looked at."""
        self._rows("finish_work", **_key(work))

    def known(self, event_ids: Collection[str]) -> set[str]:
        """Those of these analyses that were made before."""
        return {row[0] for row in self._rows("known_analyses", event_ids=list(event_ids))}

    def put(self, fact: PageAnalyzed) -> None:
        """Store an analysis that is not published yet."""
        with self._connection.transaction():
            self._project(fact, encode(fact))

    def not_published(self) -> dict[str, bytes]:
        """Analyses that are not published, by event id, oldest first."""
        return dict(self._rows("not_published"))

    def mark_published(self, event_ids: Iterable[str]) -> None:
        """Record that the broker has these analyses."""
        self._rows("mark_published", event_ids=list(event_ids))

    def set_models(self, models: Sequence[ModelRun]) -> None:
        """Record which models are installed."""
        with self._connection.transaction():
            self._rows("remove_models", models=[one.model for one in models])
            for one in models:
                self._rows("put_model", **_model(one))

    def _take(self, message: Incoming) -> None:
        try:
            fact = decode(message.value or b"", Fact)
        except Undecodable:
            return
        if isinstance(fact, PageAnalyzed):
            self._project(fact, None)
        elif isinstance(fact, ItemCompleted):
            item = {
                **fact.head.model_dump(include={"event_id", "batch_id", "item_id", "revision"}),
                "page_count": fact.page_count,
                "completed_at": fact.head.occurred_at,
                "value": message.value,
            }
            self._rows("put_item", **item)
            self._rows("put_work", **item)

    def _project(self, fact: PageAnalyzed, value: bytes | None) -> None:
        """The rows of an analysis. One that is known changes nothing."""
        head = fact.head
        about = head.model_dump(include={"event_id", "batch_id", "item_id", "page_id"})
        new = self._rows("put_analysis", **about, analyzed_at=head.occurred_at, value=value)
        if not new:
            return
        about |= {"master_sha256": fact.master_sha256, "suggested_at": head.occurred_at}
        for run in fact.runs:
            if run.failure is not None:
                continue
            self._rows("put_run", **about, **_model(run), number=new[0][0])
            rows = [{**about, **_model(run), **_suggestion(one)} for one in run.suggestions]
            if rows:
                with self._connection.cursor() as cursor:
                    cursor.executemany(QUERY("put_suggestion"), rows)

    def _rows(self, name: str, **values: Any) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(QUERY(name), values)
        return cursor.fetchall() if cursor.description else []


def _key(work: ItemWork) -> dict[str, str]:
    return {"cause_id": work.cause_id, "item_event_id": work.completed.head.event_id}


def _model(run: ModelRun) -> dict[str, str]:
    return {"model": run.model, "version": run.version, "weights_sha256": run.weights_sha256}


def _suggestion(one: Any) -> dict[str, Any]:
    return {**one.model_dump(), "box": list(one.box), "evidence": list(one.evidence)}
