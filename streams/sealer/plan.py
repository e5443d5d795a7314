"""Decides which events of a batch of intake records to seal: new events once, and anomalies."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from schemas.models import Producer
from streams.sealer.anomalies import anomaly_event, preserve
from streams.sealer.event_index import IndexedEvent
from streams.sealer.validation import InvalidRecord, ReadRecord, ValidEvent

log = logging.getLogger(__name__)

FindSealed = Callable[[Sequence[str]], Mapping[str, IndexedEvent]]


def plan(
    records: Sequence[ReadRecord],
    find_sealed: FindSealed,
    next_seq: int,
    anomalies: Path,
    made_by: Producer,
) -> list[ValidEvent]:
    """The events to seal, in order; the first one gets next_seq. Invalid records are on disk when
    this returns."""
    event_ids = [one.result.event_id for one in records if isinstance(one.result, ValidEvent)]
    sealed: dict[str, tuple[IndexedEvent | ValidEvent, int]] = {
        one.event_id: (one, one.seq) for one in find_sealed(event_ids).values()
    }
    planned: list[ValidEvent] = []

    def add(event: ValidEvent) -> None:
        sealed[event.event_id] = (event, next_seq + len(planned))
        planned.append(event)

    for read in records:
        result = read.result
        if isinstance(result, ValidEvent):
            event_id = result.event_id
            if event_id not in sealed:
                add(result)
                continue
            other, seq = sealed[event_id]
            if other.digest == result.digest:
                continue  # redelivered
            found = f"event_id {event_id} is sealed as seq {seq} with other bytes"
            result = InvalidRecord("log.other-bytes", found, result.event)
        record = read.record
        file = preserve(anomalies, record, result)
        log.warning("invalid record", extra={"code": result.code, "file": str(file)})
        anomaly = anomaly_event(record, result, made_by)
        if anomaly.event_id not in sealed and not find_sealed([anomaly.event_id]):
            add(anomaly)
    return planned
