"""Defects of the tracker and its relay."""

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from schemas.codec import decode
from schemas.models import Record
from streams.execution import facts
from streams.tracker import completion, outbox_relay, process_manager, registration, unit_of_work
from streams.tracker.outbox_relay import OutboxRelay
from tests.faults.planted.planting import Patch, altered_query, defect, wrapped
from tests.faults.planted.world import World


@defect("stand-alone page.unended")
def the_join_counts_instead_of_collecting(patch: Patch, world: World) -> None:
    def all_as_new(store: Any, unit_of_work: Any, seen: Sequence[Any]) -> list[Any]:
        store(unit_of_work, seen)
        return list(seen)

    def counted(unit_of_work: Any, ended: Sequence[Any]) -> None:
        for one in (one for one in ended if one.head.page_id):
            page = (one.head.page_id, one.head.revision)
            asked = "SELECT count(*) FROM line.page_branches WHERE (page_id, revision) = (%s, %s)"
            number = unit_of_work.conn.execute(asked, page).fetchone()[0]
            step = ("acquire_page", "recognize_page")[min(number, 1)]
            unit_of_work.run_many("put_branches", [(*page, step, one.head.event_id)])
            unit_of_work.mark_affected(one.head)

    wrapped(patch, process_manager, "store_facts", all_as_new)
    patch.setattr("streams.tracker.fact_handlers._put_branches", counted)


@defect("stand-alone page.unended")
def the_tracker_publishes_after_the_commit_without_an_outbox(patch: Patch, world: World) -> None:
    waiting: dict[int, list[Any]] = defaultdict(list)

    def kept_in_memory(self: unit_of_work.UnitOfWork) -> None:
        rows, self.outbox = self.outbox, []
        waiting[self.conn.info.backend_pid] += rows

    def told(self: OutboxRelay, conn: Any) -> None:
        for _, topic, key, headers, value, *_ in waiting.pop(conn.info.backend_pid, []):
            world.broker.append(topic, key, value, _pairs(headers))

    patch.setattr(unit_of_work.UnitOfWork, "flush", kept_in_memory)
    patch.setattr(OutboxRelay, "drain", told)


@defect("stand-alone log.sealing")
def the_tracker_publishes_before_the_commit(patch: Patch, world: World) -> None:
    def told(self: unit_of_work.UnitOfWork) -> None:
        rows, self.outbox = self.outbox, []
        for _, topic, key, headers, value, *_ in rows:
            world.broker.append(topic, key, value, _pairs(headers))

    patch.setattr(unit_of_work.UnitOfWork, "flush", told)


def _pairs(headers: str) -> list[tuple[str, str]]:
    return [(name, text) for name, text in json.loads(headers)]


@defect("stand-alone page.unended")
def the_relay_forgets_before_the_broker_has_it(patch: Patch, world: World) -> None:
    def forgetful(publish_due: Any, conn: Any, send: Any) -> Any:
        def sent(rows: Any) -> bool:
            conn.execute("DELETE FROM line.outbox WHERE id = ANY(%s)", [[row[0] for row in rows]])
            return bool(send(rows))

        return publish_due(conn, sent)

    wrapped(patch, outbox_relay, "publish_due", forgetful)


@defect("stand-alone release.lost")
def a_release_is_lost(patch: Patch, world: World) -> None:
    patch.setattr(
        "streams.tracker.quarantine_decisions._publish_original", lambda unit_of_work, verdict: None
    )


@defect("stand-alone control.unanswered")
def a_request_is_not_answered(patch: Patch, world: World) -> None:
    patch.setattr("streams.tracker.fact_handlers.decide", lambda unit_of_work, fact: None)


@defect("stand-alone retry.attempt")
def an_attempt_is_counted_twice(patch: Patch, world: World) -> None:
    def more(
        later: Any,
        unit_of_work: Any,
        topic: str,
        key: Any,
        value: Any,
        headers: Any = (),
        *rest: Any,
        **named: Any,
    ) -> None:
        raised = [
            (name, str(int(text) + 1) if name == "attempt" else text) for name, text in headers
        ]
        later(unit_of_work, topic, key, value, raised, *rest, **named)

    wrapped(patch, unit_of_work.UnitOfWork, "publish_later", more)


@defect("stand-alone retry.endless")
def retries_have_no_end(patch: Patch, world: World) -> None:
    def always(next_try: Any, error_class: str, attempt: int, *rest: Any, **named: Any) -> Any:
        return next_try(error_class, 1, *rest, **named)

    wrapped(patch, facts, "next_try", always)


@defect("sql offsets.behind")
def a_tracker_without_fence(patch: Patch, world: World) -> None:
    altered_query(patch, "fence", "WHERE epoch = %(epoch)s FOR UPDATE", "")
    altered_query(patch, "advance_offset", "AND next_offset = %(old)s", "")


@defect("stand-alone settlement.lacking")
def a_batch_settles_too_early(patch: Patch, world: World) -> None:
    altered_query(patch, "batches_at_rest", "AND b.item_count =", "AND 0 <=")
    early = "s.packaged + s.quarantined + s.cancelled, s.packaged, s.quarantined, s.cancelled, 0,"
    told = "s.registered, s.packaged, s.quarantined, s.cancelled, s.in_flight,"
    altered_query(patch, "settlement_counts", told, early)


@defect("sql law.sum")
def the_pages_of_an_item_do_not_follow_it(patch: Patch, world: World) -> None:
    both = "WHERE p.page_id = ANY(%(pages)s) OR p.item_id = ANY(%(all_pages_of)s)\n) d\nWHERE p.page_id = d.page_id AND"
    altered_query(
        patch, "derive_page_states", both, both.replace(" OR p.item_id = ANY(%(all_pages_of)s)", "")
    )


@defect("stand-alone item.record")
def an_item_completes_with_a_page_open(patch: Patch, world: World) -> None:
    admitted = "p.admitted_id IS NOT NULL"
    altered_query(patch, "derive_pages", "m.steps IS NULL AS ended", f"{admitted} AS ended")
    altered_query(patch, "derive_pages", "m.steps IS NULL OR", f"{admitted} OR")

    def known(of_pages: Any, unit_of_work: Any, item_id: str, *rest: Any) -> list[Record]:
        try:
            return list(of_pages(unit_of_work, item_id, *rest))
        except KeyError:
            rows = unit_of_work.run(
                "facts_of_item", item_id=item_id, batch_id=rest[0], records=["PageAcquired"]
            )
            return [decode(value) for *_, value in rows]

    wrapped(patch, completion, "_facts_of_pages", known)


@defect("sql law.pages")
def a_page_gets_no_row(patch: Patch, world: World) -> None:
    def fewer(put_pages: Any, unit_of_work: Any, fact: Any, entries: list[Any], *more: Any) -> None:
        put_pages(unit_of_work, fact, entries[:-1], *more)

    wrapped(patch, registration, "_put_pages", fewer)
