"""The SQL checker: asks Postgres alone, the tables of the tracker and the audit log.

What must hold in every transaction is asked apart from what must hold when all is at rest."""

from collections.abc import Iterator, Mapping
from typing import Any

import psycopg

from tests.faults.checkers.finding import Finding

CHECKER = "sql"

ALWAYS: Mapping[str, str] = {
    # Each state is counted by itself in line.pages, and in the deliveries that were refused whole.
    "law.pages": """
        SELECT b.batch_id, format('%s registered; counted: packaged %s, quarantined %s + %s,'
                ' cancelled %s + %s, in flight %s', b.page_count, p.packaged, p.quarantined,
                r.standing, p.cancelled, r.rejected, p.in_flight)
        FROM line.batches b
        CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE state = 'packaged') AS packaged,
            count(*) FILTER (WHERE state = 'quarantined') AS quarantined,
            count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
            count(*) FILTER (WHERE state IN ('registered', 'admitted', 'ended')) AS in_flight
            FROM line.pages WHERE batch_id = b.batch_id) p
        CROSS JOIN LATERAL (SELECT count(*) AS items,
            coalesce(sum(page_count) FILTER (WHERE rejected), 0) AS rejected,
            coalesce(sum(page_count) FILTER (WHERE NOT rejected), 0) AS standing
            FROM line.refused WHERE batch_id = b.batch_id) r
        CROSS JOIN LATERAL (SELECT count(*) AS items FROM line.items WHERE batch_id = b.batch_id) i
        CROSS JOIN LATERAL (SELECT count(*) AS items, coalesce(sum(page_count), 0) AS pages
            FROM line.earlier_versions WHERE batch_id = b.batch_id) e
        WHERE b.accepted_id IS NOT NULL AND i.items + e.items + r.items = b.item_count
            AND b.page_count <> p.packaged + p.quarantined + p.cancelled + p.in_flight
                + e.pages + r.rejected + r.standing""",
    "law.view": """
        SELECT v.batch_id, format('%s packaged, %s quarantined, %s cancelled, %s in flight in the'
                ' view; %s, %s, %s, %s in the tables', v.packaged, v.quarantined, v.cancelled,
                v.in_flight, p.packaged, p.quarantined, p.cancelled, p.in_flight)
        FROM line.batch_status v JOIN line.batches b USING (batch_id)
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(n) FILTER (WHERE s = 'packaged'), 0) AS packaged,
                coalesce(sum(n) FILTER (WHERE s = 'quarantined'), 0) AS quarantined,
                coalesce(sum(n) FILTER (WHERE s = 'cancelled'), 0) AS cancelled,
                coalesce(sum(n) FILTER (WHERE s IN ('registered', 'admitted', 'ended')), 0) AS in_flight
            FROM (SELECT state AS s, 1 AS n FROM line.pages WHERE batch_id = v.batch_id
                UNION ALL
                SELECT state, page_count FROM line.earlier_versions WHERE batch_id = v.batch_id
                UNION ALL
                SELECT CASE WHEN rejected THEN 'cancelled' ELSE 'quarantined' END, page_count
                FROM line.refused WHERE batch_id = v.batch_id) x) p
        WHERE b.accepted_id IS NOT NULL AND v.items_registered = v.item_count
            AND (v.packaged, v.quarantined, v.cancelled, v.in_flight)
                <> (p.packaged, p.quarantined, p.cancelled, p.in_flight)""",
    "law.sum": """
        SELECT batch_id, format('%s registered, %s + %s + %s + %s', registered, packaged,
            quarantined, cancelled, in_flight)
        FROM line.batch_status
        WHERE registered <> packaged + quarantined + cancelled + in_flight""",
    "item.page-count": """
        SELECT i.item_id, format('%s pages registered, %s rows', i.page_count, count(p.page_id))
        FROM line.items i LEFT JOIN line.pages p USING (item_id)
        GROUP BY i.item_id, i.page_count HAVING i.page_count <> count(p.page_id)""",
    "settled.early": """
        SELECT batch_id, count(*) || ' pages in flight in a settled batch'
        FROM line.batches JOIN line.pages p USING (batch_id)
        WHERE settled AND p.state IN ('registered', 'admitted', 'ended') GROUP BY batch_id""",
    "item.completed-open": """
        SELECT p.page_id, format('%s, its item is %s', p.state, i.state)
        FROM line.items i JOIN line.pages p USING (item_id)
        WHERE i.completed_id IS NOT NULL AND p.kind <> 'missing' AND NOT i.rejected
            AND EXISTS (SELECT FROM unnest(i.required) AS r(step) WHERE NOT EXISTS (
                SELECT FROM line.page_branches d WHERE d.page_id = p.page_id
                    AND d.revision = p.revision AND d.step = r.step))""",
    "page.ended-without-branch": """
        SELECT p.page_id, format('ended at revision %s, without %s', p.revision, r.step)
        FROM line.pages p JOIN line.items i USING (item_id), unnest(i.required) AS r(step)
        WHERE p.ended AND NOT EXISTS (SELECT FROM line.page_branches d
            WHERE d.page_id = p.page_id AND d.revision = p.revision AND d.step = r.step)""",
    "page.state": """
        SELECT p.page_id, format('page %s, item %s', p.state, i.state)
        FROM line.pages p JOIN line.items i USING (item_id)
        WHERE (p.state = 'packaged') <> (i.state = 'packaged')
            OR (p.state = 'cancelled') <> (i.state = 'cancelled')
            OR (i.state = 'held' AND p.state <> 'quarantined')""",
    "item.package": """
        SELECT i.item_id, format('%s, package %s', i.state, k.package_id)
        FROM line.items i LEFT JOIN line.packages k ON k.item_id = i.item_id
            AND k.revision = i.revision AND k.package_id = i.package_id
        WHERE (i.state = 'packaged') <> (k.package_id IS NOT NULL)""",
    "package.two": """
        SELECT item_id, format('%s packages of revision %s', count(*), revision)
        FROM line.packages GROUP BY item_id, revision HAVING count(*) > 1""",
    "package.of-nothing": """
        SELECT k.package_id, 'no completed item of this revision' FROM line.packages k
        WHERE NOT EXISTS (SELECT FROM line.items i WHERE i.item_id = k.item_id
                AND i.revision = k.revision AND i.completed_id IS NOT NULL)
            AND NOT EXISTS (SELECT FROM line.earlier_versions e WHERE e.item_id = k.item_id
                AND e.revision = k.revision AND e.package_id = k.package_id)""",
    "version.order": """
        SELECT e.item_id, format('earlier version %s, state %s, the item has version %s', e.revision,
            e.state, i.revision)
        FROM line.earlier_versions e LEFT JOIN line.items i USING (item_id)
        WHERE i.revision IS NULL OR i.revision <= e.revision
            OR (e.state = 'packaged') <> (e.package_id IS NOT NULL)""",
    "page.admission": """
        SELECT p.page_id, 'admitted under ' || p.admitted_id || ', and no such fact is known'
        FROM line.pages p WHERE p.admitted_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM line.facts f WHERE f.event_id = p.admitted_id
                AND f.record = 'PageAdmitted' AND f.page_id = p.page_id AND f.revision = p.revision)""",
    "branch.fact": """
        SELECT d.page_id, format('%s ended by %s, and no such fact is known', d.step, d.event_id)
        FROM line.page_branches d WHERE NOT EXISTS (SELECT FROM line.facts f
            WHERE f.event_id = d.event_id AND f.page_id = d.page_id AND f.revision = d.revision)""",
    "branch.lost": """
        SELECT f.page_id, f.record || ' ' || f.event_id || ' is known and not counted'
        FROM line.facts f WHERE f.page_id IS NOT NULL
            AND f.record IN ('PageAcquired', 'PageDerived', 'PageRecognized', 'PageDescribed')
            AND NOT EXISTS (SELECT FROM line.page_branches d WHERE d.event_id = f.event_id)""",
    "fact.once": """
        SELECT coalesce(page_id, item_id, batch_id), format('%s %s of revision %s', count(*), record, revision)
        FROM line.facts WHERE record IN ('PageAdmitted', 'ItemCompleted')
        GROUP BY page_id, item_id, batch_id, record, revision HAVING count(*) > 1""",
    "quarantine.fact": """
        SELECT coalesce(q.quarantine_id, f.event_id), 'a row without its fact, or a fact without its row'
        FROM line.quarantine q
        FULL JOIN (SELECT event_id FROM line.facts WHERE record = 'WorkQuarantined') f
            ON f.event_id = q.quarantine_id
        WHERE q.quarantine_id IS NULL OR f.event_id IS NULL""",
    "quarantine.unexplained": """
        SELECT quarantine_id, format('code %L, where %L, found %L, fix %L', code, "where", found, fix)
        FROM line.quarantine
        WHERE '' IN (code, "where", found, fix, resume_at, lane) OR attempts < 1""",
    "offsets.behind": """
        SELECT topic || ' ' || f.partition, format('stands at %s, %s was taken', o.next_offset, f.last)
        FROM (SELECT partition, max("offset") AS last, 'digitization'
                || lower(regexp_replace(record, '([A-Z])', '.\\1', 'g')) || '.v1' AS topic
            FROM line.facts WHERE "offset" IS NOT NULL GROUP BY record, partition) f
        JOIN line.offsets o USING (topic) WHERE o.partition = f.partition AND o.next_offset <= f.last""",
    "audit.seq": """
        SELECT 'audit.events', format('%s rows from %s to %s', count(*), min(seq), max(seq))
        FROM audit.events HAVING count(*) > 0 AND (min(seq) <> 0 OR max(seq) <> count(*) - 1)""",
    "audit.position": """
        SELECT 'audit.projector_position', format('last_seq %s, the last row has %s', last_seq, m.last)
        FROM audit.projector_position,
            (SELECT coalesce(max(seq), -1) AS last FROM audit.events) m WHERE last_seq <> m.last""",
    "audit.twice": """
        SELECT event_id::text, count(*) || ' rows' FROM audit.events
        GROUP BY event_id HAVING count(*) > 1""",
    "audit.order": """
        SELECT seq::text, format('sealed at %s, after %s', sealed_at, before)
        FROM (SELECT seq, sealed_at, lag(sealed_at) OVER (ORDER BY seq) AS before FROM audit.events) x
        WHERE sealed_at < before""",
}
"""Rules by name; each gives rows of where and what was found, and none when all is well."""

AT_REST: Mapping[str, str] = {
    "page.unended": """
        SELECT p.page_id, format('%s, its item is %s', p.state, i.state)
        FROM line.pages p JOIN line.items i USING (item_id)
        WHERE p.state IN ('registered', 'admitted', 'ended')""",
    "batch.unregistered": """
        SELECT batch_id, format('%s of %s items are registered', items_registered, item_count)
        FROM line.batch_status WHERE registered > 0 AND items_registered <> item_count""",
    "batch.not-judged": """
        SELECT batch_id, 'submitted, and neither accepted nor refused' FROM line.batch_status
        WHERE state = 'submitted'""",
    "settled.lacking": """
        SELECT v.batch_id, v.state || ', nothing in flight, and not settled'
        FROM line.batch_status v JOIN line.batches b USING (batch_id)
        WHERE b.accepted_id IS NOT NULL AND v.in_flight = 0 AND v.items_registered = v.item_count
            AND NOT b.settled""",
    "outbox.left": """
        SELECT topic, format('%s messages, the first due %s', count(*), min(not_before))
        FROM line.outbox GROUP BY topic""",
    "verdict.waiting": """
        SELECT quarantine_id, action || ' was granted and not carried out'
        FROM line.verdicts WHERE NOT carried_out""",
    "audit.unsealed": """
        SELECT f.record || ' ' || f.event_id, 'its transition is not in the log'
        FROM line.facts f WHERE f.record <> 'ControlRequested' AND NOT EXISTS (
            SELECT FROM audit.events e
            WHERE e.cause_id::text = f.event_id AND e.ordinal = 0 AND e.fact = f.record)""",
    "quarantine.unsealed": """
        SELECT q.quarantine_id, q.code FROM line.quarantine q WHERE NOT EXISTS (
            SELECT FROM audit.events e WHERE e.cause_id::text = q.quarantine_id
                AND e.event_type = 'quarantine' AND e.outcome = 'fai' AND e.code = q.code)""",
    "item.waiting": """
        SELECT item_id, 'completed, and neither packaged nor set aside' FROM line.items
        WHERE state = 'completed'""",
}


def check(dsn: str, *, at_rest: bool = True) -> list[Finding]:
    """Every finding in one snapshot; while work goes on, without what must hold only at rest."""
    rules = {**ALWAYS, **(AT_REST if at_rest else {})}
    with psycopg.connect(dsn) as connection:
        connection.execute("SET jit = off")  # compiling took longer than asking
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        if connection.execute("SELECT rebuilding FROM line.active").fetchone() == (True,):
            busy = Finding(CHECKER, "tracker.rebuilding", "line.active", "the tables are not whole")
            return [busy] if at_rest else []
        return [one for rule, text in rules.items() for one in _asked(connection, rule, text)]


def _asked(connection: psycopg.Connection[Any], rule: str, text: str) -> Iterator[Finding]:
    for where, found in connection.execute(text.encode()):
        yield Finding(CHECKER, rule, str(where), str(found))
