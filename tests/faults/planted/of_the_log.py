"""Defects of the PREMIS events, the sealer and the projector."""

from collections.abc import Sequence
from itertools import count
from typing import Any

from schemas.codec import decode
from schemas.models import PremisEvent
from streams.execution import facts
from streams.projector import row_writer as projector
from streams.sealer import clients
from streams.sealer import role as sealer
from streams.sealer.validation import valid_event
from tests.faults.planted.broker import Producer
from tests.faults.planted.planting import Patch, defect, wrapped
from tests.faults.planted.world import World


@defect("stand-alone log.missing")
def an_act_owes_no_event(patch: Patch, world: World) -> None:
    wrapped(patch, facts, "events_of", lambda events_of, fact: events_of(fact)[:1])


@defect("stand-alone log.missing")
def a_fact_is_told_without_its_events(patch: Patch, world: World) -> None:
    patch.setattr(facts, "audit_messages", lambda fact: [])


@defect("stand-alone log.surplus")
def an_event_is_sealed_twice(patch: Patch, world: World) -> None:
    def forgetful(plan: Any, arrivals: Any, known: Any, *rest: Any) -> Any:
        return plan([*arrivals[:1], *arrivals], lambda wanted: {}, *rest) + plan(
            arrivals[:1], lambda wanted: {}, *rest
        )

    wrapped(patch, sealer, "plan", forgetful)


@defect("stand-alone log.different")
def an_event_is_sealed_with_other_bytes(patch: Patch, world: World) -> None:
    def retold(plan: Any, *args: Any) -> Any:
        first, *others = plan(*args) or [None]
        if first is None:
            return []
        event = decode(first.value, PremisEvent).model_copy(update={"detail": "all is well"})
        return [valid_event(event), *others]

    wrapped(patch, sealer, "plan", retold)


@defect("stand-alone log.sealing")
def a_number_is_left_out(patch: Patch, world: World) -> None:
    wrapped(patch, sealer, "Seal", lambda seal, seq, *rest: seal(seq + (seq >= 20), *rest))


@defect("stand-alone log.sealing")
def a_second_sealer_is_not_fenced_off(patch: Patch, world: World) -> None:
    numbers = count()

    def own(config: dict[str, Any], **_: Any) -> Producer:
        name = f"{config['transactional.id']}-{next(numbers)}"
        return Producer(world.broker, config | {"transactional.id": name})

    patch.setattr(clients, "Producer", own)


@defect("sql audit.seq")
def the_projector_skips_a_row(patch: Patch, world: World) -> None:
    def fewer(copy_in: Any, cursor: Any, rows: Sequence[Any]) -> None:
        # A row that is made already begins with the number of columns and the length of the seq.
        seqs = [
            int.from_bytes(row[6:14], "big") if isinstance(row, bytes) else row[0] for row in rows
        ]
        copy_in(cursor, [row for seq, row in zip(seqs, rows, strict=True) if seq != 7])

    wrapped(patch, projector, "copy_in", fewer)


@defect("sql audit.position")
def the_projector_does_not_remember_where_it_is(patch: Patch, world: World) -> None:
    patch.setattr(projector, "advance", lambda cursor, before, after: None)
