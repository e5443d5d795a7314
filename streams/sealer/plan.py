"""Decides what of a batch of arrivals is to be sealed: new events, once each, and what was odd."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from schemas.models import Producer
from streams.sealer.anomalies import keep, told
from streams.sealer.event_index import Known
from streams.sealer.validation import Arrival, Refused, Sealable, examine

log = logging.getLogger(__name__)

Lookup = Callable[[Sequence[str]], Mapping[str, Known]]


def plan(
    arrivals: Sequence[Arrival], known: Lookup, next_seq: int, anomalies: Path, made_by: Producer
) -> list[Sealable]:
    """The events to seal, in order; the first gets next_seq. Refused records are kept by then."""
    judged = [(arrival, examine(arrival)) for arrival in arrivals]
    readable = [one.event_id for _, one in judged if isinstance(one, Sealable)]
    sealed = {event_id: (one.digest, one.seq) for event_id, one in known(readable).items()}
    chosen: list[Sealable] = []

    def choose(one: Sealable) -> None:
        sealed[one.event_id] = (one.digest, next_seq + len(chosen))
        chosen.append(one)

    for arrival, one in judged:
        if isinstance(one, Sealable):
            if one.event_id not in sealed:
                choose(one)
                continue
            digest, seq = sealed[one.event_id]
            if digest == one.digest:
                continue  # delivered again
            found = f"event_id {one.event_id} is sealed as seq {seq} with other bytes"
            one = Refused("log.other-bytes", found, one.event)
        kept = keep(anomalies, arrival, one)
        log.warning("record not sealed as it is", extra={"code": one.code, "kept": str(kept)})
        telling = told(arrival, one, made_by)
        if telling.event_id not in sealed and not known([telling.event_id]):
            choose(telling)
    return chosen
