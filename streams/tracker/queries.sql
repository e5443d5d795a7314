-- Queries of the tracker. Those of a unit of work run in its one transaction.

-- name: try_lock
SELECT pg_try_advisory_lock(hashtext('copystand.tracker'));

-- The lock of a machine that disappeared is free after half a minute instead of two hours.
-- name: set_tcp_keepalives
SELECT set_config('tcp_keepalives_idle', '10', false),
    set_config('tcp_keepalives_interval', '5', false),
    set_config('tcp_keepalives_count', '4', false);

-- name: take_over
UPDATE line.active SET epoch = epoch + 1 RETURNING epoch, rebuilding;

-- name: fence
SELECT epoch FROM line.active WHERE epoch = %(epoch)s FOR UPDATE;

-- name: begin_rebuild
UPDATE line.active SET rebuilding = true;

-- name: finish_rebuild
UPDATE line.active SET rebuilding = false;

-- name: empty_tables
TRUNCATE line.offsets, line.facts, line.decided, line.outbox, line.batches, line.items, line.refused,
    line.pages, line.page_branches, line.captures, line.packages, line.receipts, line.quarantine,
    line.verdicts, line.persons, line.earlier_versions, line.orders, line.order_batches;

-- A person may have got a name before there was a register.
-- name: note_named_persons
INSERT INTO line.persons (pseudonym) SELECT pseudonym FROM people.person;

-- name: empty_decided
TRUNCATE line.decided;

-- name: offsets
SELECT topic, partition, next_offset FROM line.offsets;

-- name: add_partition
INSERT INTO line.offsets VALUES (%s, %s, 0) ON CONFLICT DO NOTHING;

-- name: advance_offset
UPDATE line.offsets SET next_offset = %(next)s
WHERE topic = %(topic)s AND partition = %(partition)s AND next_offset = %(old)s
RETURNING next_offset;

-- name: set_offset
UPDATE line.offsets SET next_offset = %s WHERE topic = %s AND partition = %s;

-- Facts whose answer by another role may be lost before it was read.
-- name: open_work
SELECT completed_id FROM line.items WHERE completed_id IS NOT NULL AND package_id IS NULL
UNION SELECT received_id FROM line.batches WHERE received_id IS NOT NULL AND accepted_id IS NULL
UNION SELECT admitted_id FROM line.pages WHERE working;

-- Deferred work whose retry may be lost.
-- name: open_deferrals
SELECT f.value FROM line.facts f LEFT JOIN line.pages p USING (page_id)
    LEFT JOIN line.items i ON i.item_id = f.item_id LEFT JOIN line.batches b ON b.batch_id = f.batch_id
WHERE f.record = 'WorkDeferred' AND CASE
    WHEN f.page_id IS NOT NULL THEN NOT p.ended AND NOT EXISTS (
        SELECT FROM line.outbox o WHERE o.page_id = f.page_id AND o.not_before IS NOT NULL)
    WHEN f.item_id IS NOT NULL THEN i.package_id IS NULL
    ELSE b.accepted_id IS NULL END
ORDER BY f.occurred_at, f.event_id;

-- What the tracker published has no position; other facts have that of their first delivery.
-- name: facts_after
SELECT event_id, value, partition, "offset", record FROM line.facts
WHERE event_id > %(after)s ORDER BY event_id LIMIT %(limit)s;

-- name: store_facts
INSERT INTO line.facts
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::int[],
    %s::text[], %s::timestamptz[], %s::bytea[], %s::int[], %s::bigint[])
ON CONFLICT DO NOTHING RETURNING event_id;

-- name: store_decided
INSERT INTO line.decided VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING;

-- name: decided
SELECT event_id, value FROM line.decided WHERE event_id = ANY(%(event_ids)s);

-- name: put_outbox
INSERT INTO line.outbox (not_before, topic, key, headers, value, page_id, held_for)
SELECT m.*, h.batch_id
FROM (VALUES (%s::timestamptz, %s::text, %s::text, %s::jsonb, %s::bytea, %s::text))
    m (not_before, topic, key, headers, value, page_id)
-- A retry needs a place in the window if its page waits for that step: it is held for its batch.
LEFT JOIN LATERAL (
    SELECT b.batch_id FROM line.pages p JOIN line.items i USING (item_id) JOIN line.batches b ON b.batch_id = p.batch_id
    WHERE m.not_before IS NOT NULL AND p.page_id = m.page_id
        AND NOT b.settled AND NOT b.cancelled AND NOT i.cancelled AND EXISTS (
            SELECT FROM unnest(i.required) AS r(step)
            WHERE m.headers @> jsonb_build_array(jsonb_build_array('step', r.step))
                AND NOT EXISTS (SELECT FROM line.page_branches d WHERE d.page_id = p.page_id
                    AND d.revision = p.revision AND d.step = r.step))
) h ON true;

-- Decisions in their order, then retries in the order of their due times. Two parts: each is read
-- by its own index, and neither delays the other.
-- name: due_messages
(SELECT id, topic, key, headers, value FROM line.outbox
    WHERE not_before IS NULL ORDER BY id LIMIT %(limit)s)
UNION ALL
(SELECT id, topic, key, headers, value FROM line.outbox
    WHERE not_before <= now() AND held_for IS NULL ORDER BY not_before, id LIMIT %(limit)s);

-- name: seconds_to_next_due
SELECT extract(epoch FROM min(not_before) - now())::float8 FROM line.outbox
WHERE not_before IS NOT NULL AND held_for IS NULL;

-- name: delete_sent
DELETE FROM line.outbox WHERE id = ANY(%(ids)s);

-- name: claim_batch
INSERT INTO line.batches (batch_id, received_id, manifest_sha256, received_at)
VALUES (%(batch_id)s, %(received_id)s, %(manifest_sha256)s, %(received_at)s)
ON CONFLICT (batch_id) DO UPDATE SET received_id = EXCLUDED.received_id,
    manifest_sha256 = EXCLUDED.manifest_sha256, received_at = EXCLUDED.received_at
WHERE line.batches.received_id IS NULL OR (%(corrected)s AND line.batches.accepted_id IS NULL)
RETURNING batch_id;

-- name: ensure_batches
INSERT INTO line.batches (batch_id) SELECT unnest(%(batch_ids)s::text[]) ON CONFLICT DO NOTHING;

-- name: facts_waiting_for
SELECT value, partition, "offset" FROM line.facts
WHERE cause_id = %(cause_id)s AND record IN ('BatchAccepted', 'ItemRegistered')
ORDER BY record, item_id, event_id;

-- name: accept_batch
UPDATE line.batches SET accepted_id = %(accepted_id)s, accepted_at = %(accepted_at)s,
    item_count = %(item_count)s, page_count = %(page_count)s, priority = coalesce(asked_priority, %(priority)s),
    not_before = %(not_before)s, project = %(project)s, operator = %(operator)s
WHERE batch_id = %(batch_id)s AND received_id = %(received_id)s AND accepted_id IS NULL
RETURNING batch_id;

-- name: items_of_batch
SELECT item_id FROM line.items WHERE batch_id = %(batch_id)s ORDER BY item_id;

-- name: batch_of_registration
SELECT b.cancelled, b.accepted_id IS NOT NULL, EXISTS (SELECT FROM line.items i WHERE i.registered_id = %(registered_id)s)
    OR EXISTS (SELECT FROM line.refused r WHERE r.registered_id = %(registered_id)s)
    OR EXISTS (SELECT FROM line.earlier_versions v WHERE v.registered_id = %(registered_id)s)
FROM line.batches b WHERE b.batch_id = %(batch_id)s AND b.received_id = %(received_id)s;

-- name: claim_item
INSERT INTO line.items (item_id, item_key, batch_id, registered_id, registered_at, revision, page_count,
    required, title, page_list, profile, cancelled, completed_id)
VALUES (%(item_id)s, lower(%(item_id)s), %(batch_id)s, %(registered_id)s, %(registered_at)s, %(revision)s,
    %(page_count)s, %(required)s, %(title)s, %(page_list)s, %(profile)s,
    %(cancelled)s AND %(completed_id)s::text IS NULL, %(completed_id)s)
ON CONFLICT DO NOTHING RETURNING item_id;

-- name: refuse_item
INSERT INTO line.refused VALUES (%(registered_id)s, %(batch_id)s, %(item_id)s, %(page_count)s,
    %(quarantine_id)s) ON CONFLICT DO NOTHING;

-- name: copy_pages
COPY line.pages (page_id, item_id, batch_id, ref, sequence, kind, revision, capture, entry) FROM STDIN;

-- name: restore_facts
INSERT INTO line.facts
SELECT d.* FROM line.decided d
WHERE d.item_id = %(item_id)s AND d.batch_id = %(batch_id)s AND d.record IN ('PageAdmitted', 'ItemCompleted')
ON CONFLICT DO NOTHING;

-- name: restore_admitted
UPDATE line.pages p SET admitted_id = d.event_id, admitted_at = now(), seen_at = now()
FROM line.decided d
WHERE d.item_id = %(item_id)s AND d.record = 'PageAdmitted' AND d.page_id = p.page_id
    AND d.revision = p.revision AND p.item_id = %(item_id)s AND p.batch_id = d.batch_id;

-- name: put_branches
INSERT INTO line.page_branches VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING;

-- name: put_capture
INSERT INTO line.captures VALUES (%s, %s, %s) ON CONFLICT DO NOTHING;

-- name: put_package
INSERT INTO line.packages (package_id, batch_id, item_id, revision, key, sha256, size_bytes,
    content_digest, published_at, event_id)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING;

-- name: put_repository_answer
INSERT INTO line.receipts VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING;

-- name: put_quarantine
INSERT INTO line.quarantine VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING;

-- name: known_facts
SELECT event_id FROM line.facts WHERE event_id = ANY(%(event_ids)s);

-- name: close_restored
UPDATE line.quarantine SET state = 'released'
WHERE quarantine_id = ANY(%(quarantine_ids)s) AND resume_at = %(step)s AND state = 'open';

-- name: lock_items
SELECT item_id FROM line.items WHERE item_id = ANY(%(items)s) ORDER BY item_id FOR UPDATE;

-- A record needs no decision once its work was done after all, or its page has a higher revision.
-- name: supersede_page_records
UPDATE line.quarantine q SET state = 'superseded'
FROM line.pages p
WHERE q.state = 'open' AND q.page_id = p.page_id
    AND (p.page_id = ANY(%(pages)s) OR p.item_id = ANY(%(all_pages_of)s))
    AND (q.revision < p.revision OR EXISTS (
        SELECT FROM line.page_branches d
        WHERE d.page_id = p.page_id AND d.revision = q.revision AND d.step = q.resume_at)
        OR p.withdrawn);

-- name: supersede_item_records
UPDATE line.quarantine q SET state = CASE WHEN i.rejected THEN 'rejected' ELSE 'superseded' END
FROM line.items i
WHERE q.state = 'open' AND q.item_id = ANY(%(items)s) AND i.item_id = q.item_id
    AND q.resume_at NOT IN ('tracker', 'fixity') AND (i.rejected OR q.page_id IS NULL AND q.resume_at = 'assemble_package'
        AND EXISTS (SELECT FROM line.packages k WHERE k.item_id = q.item_id AND k.revision >= q.revision));

-- name: derive_pages
UPDATE line.pages p SET ended = d.ended, faulty = d.faulty, resolved = d.resolved, working = d.working,
    seen_at = clock_timestamp(),
    ended_at = CASE WHEN NOT d.ended THEN NULL ELSE coalesce(p.ended_at, clock_timestamp()) END
FROM (
    SELECT p.page_id, m.steps IS NULL AS ended, q.steps IS NOT NULL AS faulty,
        m.steps IS NULL OR l.steps = 0
            OR coalesce('acquire_page' = ANY(q.steps) OR NOT (q.steps <@ i.required), false) AS resolved,
        p.admitted_id IS NOT NULL AND NOT i.cancelled AND l.at_work > 0 AS working
    FROM line.pages p
    JOIN line.items i USING (item_id)
    CROSS JOIN LATERAL (
        SELECT array_agg(DISTINCT resume_at) AS steps FROM line.quarantine
        WHERE page_id = p.page_id AND batch_id = p.batch_id AND revision = p.revision AND required
            AND state = 'open') q
    -- m: required steps that have not ended. l: those of them that are not quarantined.
    CROSS JOIN LATERAL (
        SELECT array_agg(r.step) AS steps FROM unnest(i.required) AS r(step)
        WHERE NOT EXISTS (SELECT FROM line.page_branches d WHERE d.page_id = p.page_id
            AND d.revision = p.revision AND d.step = r.step)) m
    CROSS JOIN LATERAL (
        SELECT count(*) AS steps, count(*) FILTER (WHERE NOT EXISTS (
                SELECT FROM line.outbox o WHERE o.page_id = p.page_id AND o.held_for IS NOT NULL
                    AND o.headers @> jsonb_build_array(jsonb_build_array('step', r.step)))
            AND (r.step = 'acquire_page' OR 'acquire_page' <> ALL(m.steps))) AS at_work
        FROM unnest(m.steps) AS r(step) WHERE q.steps IS NULL OR r.step <> ALL(q.steps)) l
    WHERE p.page_id = ANY(%(pages)s) OR p.item_id = ANY(%(all_pages_of)s)
) d
WHERE p.page_id = d.page_id;

-- name: derive_items
UPDATE line.items i SET blocked = d.blocked, held = d.held, package_id = d.package_id, state = d.state
FROM (
    SELECT x.*, CASE
        WHEN x.package_id IS NOT NULL THEN 'packaged'
        WHEN x.cancelled THEN 'cancelled'
        WHEN x.blocked OR x.held THEN 'held'
        WHEN x.completed_id IS NOT NULL THEN 'completed'
        WHEN x.running THEN 'running'
        ELSE 'registered' END AS state
    FROM (
        SELECT i.item_id, i.cancelled, i.completed_id,
            (SELECT k.package_id FROM line.packages k
                WHERE k.item_id = i.item_id AND k.revision = i.revision LIMIT 1) AS package_id,
            EXISTS (SELECT FROM line.quarantine q WHERE q.item_id = i.item_id AND q.page_id IS NULL
                AND q.batch_id = i.batch_id AND q.revision = i.revision AND q.required
                AND q.state = 'open' AND q.resume_at <> 'tracker') AS blocked,
            i.completed_id IS NULL
                AND EXISTS (SELECT FROM line.pages p WHERE p.item_id = i.item_id AND p.faulty)
                AND NOT EXISTS (SELECT FROM line.pages p
                    WHERE p.item_id = i.item_id AND NOT p.resolved AND p.kind <> 'missing') AS held,
            EXISTS (SELECT FROM line.pages p
                WHERE p.item_id = i.item_id AND p.admitted_id IS NOT NULL) AS running
        FROM line.items i WHERE i.item_id = ANY(%(items)s)
    ) x
) d
WHERE i.item_id = d.item_id AND (i.blocked, i.held, i.package_id, i.state)
    IS DISTINCT FROM (d.blocked, d.held, d.package_id, d.state)
RETURNING i.item_id, i.batch_id;

-- name: derive_page_states
UPDATE line.pages p SET state = d.state, working = p.working AND d.state NOT IN ('packaged', 'cancelled')
FROM (
    SELECT p.page_id, CASE
        WHEN i.package_id IS NOT NULL THEN 'packaged'
        WHEN i.cancelled THEN 'cancelled'
        WHEN i.blocked OR i.held OR p.faulty THEN 'quarantined'
        WHEN p.ended THEN 'ended'
        WHEN p.admitted_id IS NOT NULL THEN 'admitted'
        ELSE 'registered' END AS state
    FROM line.pages p JOIN line.items i USING (item_id)
    WHERE p.page_id = ANY(%(pages)s) OR p.item_id = ANY(%(all_pages_of)s)
) d
WHERE p.page_id = d.page_id AND p.state <> d.state;

-- name: derive_package_states
UPDATE line.packages k SET state = CASE
    WHEN EXISTS (SELECT FROM line.packages n WHERE n.item_id = k.item_id AND n.revision > k.revision)
        THEN 'superseded'
    ELSE coalesce((SELECT CASE bool_and(r.accepted) WHEN true THEN 'accepted' WHEN false THEN 'refused' END
        FROM (SELECT DISTINCT ON (repository) accepted FROM line.receipts
            WHERE package_id = k.package_id ORDER BY repository, occurred_at DESC, event_id) r), 'published')
    END
WHERE k.package_id = ANY(%(packages)s) OR k.item_id = ANY(%(items)s);

-- A refusal needs no decision once its repository has answered again, or a higher revision exists.
-- name: supersede_package_records
UPDATE line.quarantine q SET state = 'superseded'
FROM line.receipts r JOIN line.packages k USING (package_id)
WHERE q.state = 'open' AND q.code = 'package.refused' AND q.origin_event_id = r.event_id
    AND (k.package_id = ANY(%(packages)s) OR k.item_id = ANY(%(items)s))
    AND (k.state = 'superseded' OR EXISTS (
        SELECT FROM line.receipts later
        WHERE later.package_id = r.package_id AND later.repository = r.repository
            AND (later.occurred_at, r.event_id) > (r.occurred_at, later.event_id)));

-- name: subject_of_package
SELECT batch_id, item_id, revision FROM line.packages WHERE package_id = %(package_id)s;

-- A batch whose submission pre-flight refused, and that nobody has rejected.
-- name: refused_batch
SELECT batch_id FROM line.batches
WHERE batch_id = %(batch_id)s AND accepted_id IS NULL AND refused AND NOT cancelled;

-- name: records_of_earlier_submissions
SELECT q.quarantine_id, q.origin_event_id FROM line.quarantine q JOIN line.batches b USING (batch_id)
WHERE q.batch_id = ANY(%(batches)s) AND q.item_id IS NULL AND q.state = 'open'
    AND q.resume_at = 'validate_batch' AND q.origin_event_id <> b.received_id
    AND EXISTS (SELECT FROM line.facts f
        WHERE f.event_id = q.origin_event_id AND f.record = 'BatchReceived');

-- name: known_records
SELECT quarantine_id FROM line.quarantine WHERE quarantine_id = ANY(%(quarantine_ids)s);

-- name: supersede_records
UPDATE line.quarantine SET state = 'superseded' WHERE quarantine_id = ANY(%(quarantine_ids)s);

-- name: derive_batches
UPDATE line.batches b SET heard_at = clock_timestamp(),
    refused = b.received_id IS NOT NULL AND EXISTS (
        SELECT FROM line.quarantine q WHERE q.origin_event_id = b.received_id
        AND q.item_id IS NULL AND q.state = 'open' AND q.resume_at <> 'tracker'),
    turned_away = EXISTS (
        SELECT FROM line.quarantine q WHERE q.batch_id = b.batch_id
        AND q.item_id IS NULL AND q.state = 'open' AND q.resume_at = 'router')
WHERE b.batch_id = ANY(%(batches)s);

-- name: set_night_start
UPDATE line.admission SET night_from = %(night_from)s::timestamptz
WHERE night_from IS DISTINCT FROM %(night_from)s::timestamptz;

-- name: window
SELECT (SELECT count(*) FROM line.pages p WHERE p.working),
    (SELECT count(*) FROM line.pages p WHERE p.ended_at > now() - interval '30 seconds'),
    (SELECT served FROM line.admission);

-- Batches that may get a place now, at most as many as there are free places.
-- name: waiting_batches
SELECT b.batch_id, b.priority, b.in_window,
    ARRAY(SELECT p.page_id FROM line.pages p
        WHERE %(has_space)s AND p.batch_id = b.batch_id AND p.admitted_id IS NULL AND p.kind <> 'missing'
            AND p.state = 'registered'
        ORDER BY p.item_id, p.sequence, p.ref LIMIT %(places)s) AS pages,
    ARRAY(SELECT o.id FROM line.outbox o WHERE o.held_for = b.batch_id AND o.not_before <= %(now)s
        ORDER BY o.not_before, o.id LIMIT %(places)s) AS retries,
    b.served
FROM (
    SELECT b.batch_id, b.priority, b.served, b.accepted_at,
        (SELECT count(*) FROM line.pages p WHERE p.batch_id = b.batch_id AND p.working) AS in_window
    FROM line.batches b
    WHERE NOT b.settled AND NOT b.cancelled AND b.accepted_id IS NOT NULL AND NOT b.paused
        AND (b.not_before IS NULL OR b.not_before <= %(now)s) AND (b.priority <> 'night' OR %(is_night)s)
        AND (%(has_space)s AND EXISTS (SELECT FROM line.pages p WHERE p.batch_id = b.batch_id
                AND p.admitted_id IS NULL AND p.kind <> 'missing' AND p.state = 'registered')
            OR EXISTS (SELECT FROM line.outbox o WHERE o.held_for = b.batch_id AND o.not_before <= %(now)s))
    ORDER BY array_position(%(priorities)s::text[], b.priority), in_window, b.served, b.accepted_at, b.batch_id
    LIMIT %(places)s
) b
ORDER BY array_position(%(priorities)s::text[], b.priority), in_window, b.served, b.accepted_at, b.batch_id;

-- name: release_retries
UPDATE line.outbox SET held_for = NULL WHERE id = ANY(%(ids)s) RETURNING page_id;

-- name: record_places
WITH latest AS (UPDATE line.admission SET served = greatest(served, %(last_place)s))
UPDATE line.batches b SET served = s.place
FROM unnest(%(batches)s::text[], %(places)s::bigint[]) AS s(batch_id, place)
WHERE b.batch_id = s.batch_id;

-- name: late_pages
SELECT p.page_id FROM line.pages p JOIN line.batches b USING (batch_id)
WHERE p.admitted_id IS NULL AND p.kind <> 'missing' AND (p.ended OR p.faulty)
    AND b.accepted_id IS NOT NULL AND p.state <> 'cancelled'
ORDER BY p.page_id;

-- name: pages_to_admit
SELECT p.page_id, p.item_id, p.batch_id, p.revision, p.entry, coalesce(p.opened_by, i.registered_id),
    coalesce(p.opened_at, greatest(i.registered_at, b.accepted_at)), i.profile, i.required, b.priority
FROM line.pages p JOIN line.items i USING (item_id) JOIN line.batches b ON b.batch_id = p.batch_id
WHERE p.page_id = ANY(%(pages)s) ORDER BY p.page_id;

-- name: mark_admitted
UPDATE line.pages SET admitted_id = %s, admitted_at = clock_timestamp(), seen_at = clock_timestamp()
WHERE page_id = %s;

-- name: stalled_pages
UPDATE line.pages p SET seen_at = clock_timestamp()
FROM line.facts f
WHERE p.working AND f.event_id = p.admitted_id AND p.seen_at < now() - %(stalled_after)s
    AND NOT EXISTS (SELECT FROM line.outbox o WHERE o.page_id = p.page_id)
RETURNING p.page_id, f.value;

-- name: items_to_complete
SELECT i.item_id, i.batch_id, i.revision, i.page_count, i.registered_id, i.page_list, i.profile,
    i.required, b.priority, b.accepted_id
FROM line.items i JOIN line.batches b USING (batch_id)
WHERE i.item_id = ANY(%(items)s) AND i.completed_id IS NULL AND b.accepted_id IS NOT NULL
    AND NOT i.cancelled AND NOT i.held
    AND NOT EXISTS (SELECT FROM line.pages p WHERE p.item_id = i.item_id AND NOT p.resolved
        AND p.kind <> 'missing')
    AND NOT EXISTS (SELECT FROM line.pages p WHERE p.item_id = i.item_id AND p.kind <> 'missing'
        AND (NOT p.ended OR p.faulty OR p.admitted_id IS NULL OR (p.capture IS NOT NULL
            AND NOT EXISTS (SELECT FROM line.captures c WHERE c.capture_id = p.capture))))
ORDER BY i.item_id;

-- name: pages_of_item
SELECT page_id, revision, kind FROM line.pages
WHERE item_id = %(item_id)s ORDER BY sequence, ref COLLATE "C";

-- name: facts_of_item
SELECT record, page_id, revision, value FROM line.facts
WHERE item_id = %(item_id)s AND batch_id = %(batch_id)s AND record = ANY(%(records)s)
ORDER BY occurred_at, event_id;

-- name: fact
SELECT value FROM line.facts WHERE event_id = %(event_id)s;

-- name: position_of_fact
SELECT partition, "offset" FROM line.facts WHERE event_id = %(event_id)s;

-- name: captures_of_item
SELECT f.value FROM line.pages p JOIN line.captures c ON c.capture_id = p.capture
JOIN line.facts f ON f.event_id = c.event_id
WHERE p.item_id = %(item_id)s ORDER BY p.sequence, p.ref COLLATE "C", f.event_id;

-- name: mark_completed
UPDATE line.items SET completed_id = %(completed_id)s WHERE item_id = %(item_id)s;

-- name: batches_at_rest
SELECT b.batch_id FROM line.batches b
WHERE b.batch_id = ANY(%(batches)s) AND b.accepted_id IS NOT NULL AND b.item_count =
    (SELECT count(*) FROM line.items i WHERE i.batch_id = b.batch_id AND i.state IN ('packaged', 'held', 'cancelled'))
    + (SELECT count(*) FROM line.refused r WHERE r.batch_id = b.batch_id)
    + (SELECT count(*) FROM line.earlier_versions v WHERE v.batch_id = b.batch_id)
ORDER BY b.batch_id;

-- name: reopen_batches
UPDATE line.batches SET settled = false
WHERE batch_id = ANY(%(batches)s) AND settled AND NOT batch_id = ANY(%(at_rest)s);

-- name: settlement_counts
SELECT s.registered, s.packaged, s.quarantined, s.cancelled, s.in_flight, b.settlements, b.accepted_id,
    (SELECT max(f.occurred_at) FROM line.facts f WHERE f.batch_id = b.batch_id AND f.record IN
        ('BatchAccepted', 'ItemRegistered', 'PackagePublished', 'WorkQuarantined', 'ControlDecided'))
FROM line.batches b JOIN line.batch_status s USING (batch_id)
WHERE b.batch_id = %(batch_id)s AND NOT b.settled;

-- name: mark_settled
WITH retries AS (UPDATE line.outbox SET held_for = NULL WHERE held_for = %(batch_id)s)
UPDATE line.batches SET settled = true, settlements = %(settlements)s WHERE batch_id = %(batch_id)s;

-- name: decided_settlements
SELECT event_id, value FROM line.decided WHERE batch_id = %(batch_id)s AND record = 'BatchSettled';

-- name: state_for_control
SELECT s.state, (SELECT count(*) FROM line.items i
    WHERE i.batch_id = b.batch_id AND i.completed_id IS NOT NULL)
FROM line.batches b JOIN line.batch_status s USING (batch_id) WHERE b.batch_id = %(batch_id)s FOR UPDATE OF b;

-- name: unanswered_requests
SELECT r.value FROM line.facts r
WHERE r.record = 'ControlRequested' AND NOT EXISTS (
    SELECT FROM line.facts d WHERE d.record = 'ControlDecided' AND d.cause_id = r.event_id)
ORDER BY r.partition, r."offset";

-- name: set_paused
UPDATE line.batches SET paused = %(paused)s WHERE batch_id = %(batch_id)s AND NOT cancelled;

-- name: set_priority
UPDATE line.batches SET asked_priority = %(priority)s, priority = %(priority)s WHERE batch_id = %(batch_id)s;

-- name: cancel_batch
UPDATE line.batches SET cancelled = true, paused = false WHERE batch_id = %(batch_id)s;

-- name: cancel_items
UPDATE line.items SET cancelled = true WHERE batch_id = %(batch_id)s AND completed_id IS NULL
RETURNING item_id;

-- name: drop_retries
DELETE FROM line.outbox o USING line.pages p
WHERE o.page_id = p.page_id AND o.not_before IS NOT NULL AND p.item_id = ANY(%(items)s);

-- name: all_subjects
SELECT (SELECT array_agg(item_id) FROM line.items), (SELECT array_agg(batch_id) FROM line.batches);

-- name: quarantine_records
SELECT q.quarantine_id, q.batch_id, q.item_id, q.page_id, q.code, q.resume_at, q.required, q.state,
    coalesce(i.cancelled, b.cancelled, false) AS cancelled, i.completed_id IS NOT NULL AS completed,
    (SELECT count(*) FROM line.pages p WHERE p.item_id = q.item_id AND p.kind <> 'missing') AS pages_left
FROM line.quarantine q LEFT JOIN line.items i USING (item_id) LEFT JOIN line.batches b ON b.batch_id = q.batch_id
WHERE q.quarantine_id = ANY(%(quarantine_ids)s);

-- name: subjects_of_records
SELECT batch_id, item_id, page_id, revision FROM line.quarantine
WHERE quarantine_id = ANY(%(quarantine_ids)s);

-- name: put_decision
INSERT INTO line.verdicts (quarantine_id, decision_id, action, decided_at, file, manifest, not_a_page)
VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING;

-- name: decisions_to_carry_out
SELECT v.quarantine_id, v.decision_id, v.action, v.file, v.manifest, v.decided_at, q.batch_id, q.item_id, q.page_id,
    p.entry -> 'file' ->> 'path', v.not_a_page
FROM line.verdicts v JOIN line.quarantine q USING (quarantine_id) LEFT JOIN line.pages p USING (page_id)
WHERE NOT v.carried_out
    AND (q.page_id IS NULL OR q.resume_at = 'tracker' OR p.page_id IS NOT NULL)
    AND (q.item_id IS NULL OR q.resume_at = 'tracker' OR EXISTS (SELECT FROM line.items i WHERE i.item_id = q.item_id
        -- In a rebuild, the version of the item that the record is about may not be registered yet.
        AND (i.batch_id = q.batch_id OR NOT EXISTS (SELECT FROM line.facts f
            WHERE f.record = 'ItemRegistered' AND f.item_id = q.item_id AND f.batch_id = q.batch_id))))
ORDER BY v.decided_at, v.quarantine_id;

-- name: mark_carried_out
WITH decision AS (UPDATE line.verdicts SET carried_out = true WHERE quarantine_id = %(quarantine_id)s)
UPDATE line.quarantine SET state = CASE %(action)s WHEN 'release' THEN 'released' WHEN 'reject' THEN 'rejected'
    ELSE 'withdrawn' END
WHERE quarantine_id = %(quarantine_id)s;

-- name: quarantine_origin
SELECT required, resume_at, origin_event_id FROM line.quarantine WHERE quarantine_id = %(quarantine_id)s;

-- name: withdraw_page
UPDATE line.pages SET kind = 'missing', withdrawn = true, not_a_page = %(not_a_page)s, admitted_id = NULL, admitted_at = NULL
WHERE page_id = %(page_id)s;

-- name: reopen_page
UPDATE line.pages SET revision = revision + 1, admitted_id = NULL, admitted_at = NULL, ended = false,
    ended_at = NULL, resolved = false, opened_by = %(decision_id)s, opened_at = %(decided_at)s,
    entry = (entry::jsonb || jsonb_build_object('file', %(file)s::jsonb))::json
WHERE page_id = %(page_id)s;

-- name: restore_page
UPDATE line.pages p SET admitted_id = d.event_id, admitted_at = now(), seen_at = now()
FROM line.decided d
WHERE p.page_id = %(page_id)s AND d.record = 'PageAdmitted' AND d.page_id = p.page_id AND d.revision = p.revision;

-- name: drop_retries_of_page
DELETE FROM line.outbox WHERE page_id = %(page_id)s AND not_before IS NOT NULL;

-- name: reject_item
UPDATE line.items SET cancelled = true, rejected = true WHERE item_id = %(item_id)s;

-- name: reject_batch
UPDATE line.batches SET cancelled = true, paused = false
WHERE batch_id = %(batch_id)s AND received_id = %(received_id)s;

-- name: reject_refused_item
UPDATE line.refused SET rejected = true WHERE quarantine_id = %(quarantine_id)s;

-- name: released_batch
SELECT q.origin_event_id FROM line.verdicts v JOIN line.quarantine q USING (quarantine_id)
WHERE v.decision_id = %(decision_id)s AND q.batch_id = %(batch_id)s AND q.item_id IS NULL AND NOT v.manifest;

-- name: decisions_of_item
SELECT DISTINCT f.value, f.occurred_at, f.event_id FROM line.verdicts v JOIN line.quarantine q USING (quarantine_id)
JOIN line.facts f ON f.event_id = v.decision_id
WHERE q.item_id = %(item_id)s AND v.action <> 'reject' AND f.record = 'ControlDecided'
ORDER BY f.occurred_at, f.event_id;

-- A decision about quarantined work is part of the item's history when that work is of the item or of its whole batch.
-- name: history_of_item
SELECT f.value, f.occurred_at, f.event_id FROM line.facts f
WHERE f.item_id = %(item_id)s AND f.record IN ('WorkDeferred', 'WorkQuarantined', 'ControlDecided')
    AND f.batch_id = %(batch_id)s AND f.occurred_at <= %(until)s AND f.event_id <> ALL(%(known)s::text[])
UNION
SELECT f.value, f.occurred_at, f.event_id FROM line.facts f
WHERE f.item_id IS NULL AND f.record IN ('BatchReceived', 'WorkDeferred', 'WorkQuarantined', 'ControlDecided')
    AND f.batch_id = %(batch_id)s AND f.occurred_at <= %(until)s AND f.event_id <> ALL(%(known)s::text[])
    AND NOT EXISTS (SELECT FROM line.verdicts v JOIN line.quarantine q USING (quarantine_id)
        WHERE v.decision_id = f.event_id AND q.item_id <> %(item_id)s)
ORDER BY occurred_at, event_id;

-- name: withdrawn_pages
SELECT array_agg(ref ORDER BY sequence, ref COLLATE "C") FROM line.pages
WHERE item_id = %(item_id)s AND withdrawn;

-- name: files_that_are_no_pages
SELECT array_agg(ref ORDER BY sequence, ref COLLATE "C") FROM line.pages
WHERE item_id = %(item_id)s AND not_a_page;

-- name: note_pseudonym
UPDATE people.numbers SET highest = %(number)s WHERE highest < %(number)s;

-- name: person
SELECT EXISTS (SELECT FROM line.persons WHERE registered_at IS NOT NULL), p.pseudonym IS NOT NULL,
    coalesce(p.retired, false), p.senders
FROM (VALUES (%(pseudonym)s::text)) v (pseudonym) LEFT JOIN line.persons p USING (pseudonym);

-- name: order_state
SELECT state FROM line.order_states WHERE order_id = %(order_id)s;

-- name: order_rows
SELECT order_id, state, content, notes, placed_by, placed_at, assigned_to, assigned_at, closed_at, batches
FROM line.order_states
WHERE %(order_ids)s::text[] IS NULL OR order_id = ANY(%(order_ids)s)
ORDER BY placed_at, order_id;

-- name: orders_with_notes
SELECT order_id FROM line.orders WHERE notes = ANY(%(references)s);

-- name: add_order
INSERT INTO line.orders (order_id, content, notes, placed_by, placed_at)
VALUES (%(order_id)s, %(content)s, %(notes)s, %(placed_by)s, %(placed_at)s) ON CONFLICT DO NOTHING;

-- name: assign_order
UPDATE line.orders SET assigned_to = %(station)s,
    assigned_at = CASE WHEN %(station)s::text IS NULL THEN NULL ELSE %(assigned_at)s::timestamptz END
WHERE order_id = %(order_id)s;

-- name: close_order
UPDATE line.orders SET closed_at = %(closed_at)s WHERE order_id = %(order_id)s;

-- name: note_order_batch
INSERT INTO line.order_batches VALUES (%(order_id)s, %(batch_id)s, %(accepted_at)s) ON CONFLICT DO NOTHING;

-- name: note_persons
INSERT INTO line.persons (pseudonym) SELECT unnest(%(pseudonyms)s::text[]) ON CONFLICT DO NOTHING;

-- name: register_person
INSERT INTO line.persons VALUES (%(pseudonym)s, %(registered_at)s, false, %(senders)s)
ON CONFLICT (pseudonym) DO UPDATE SET registered_at = EXCLUDED.registered_at, retired = false,
    senders = EXCLUDED.senders;

-- name: retire_person
INSERT INTO line.persons (pseudonym, retired) VALUES (%(pseudonym)s, true)
ON CONFLICT (pseudonym) DO UPDATE SET retired = true;

-- name: received_fact
SELECT f.value, f.partition, f."offset" FROM line.batches b JOIN line.facts f ON f.event_id = b.received_id
WHERE b.batch_id = %(batch_id)s AND b.received_id = %(received_id)s AND b.accepted_id IS NULL;

-- The registrations of a batch whose manifest names a person that may not be named. No page of it was admitted.
-- name: drop_registrations
WITH pages AS (DELETE FROM line.pages WHERE batch_id = %(batch_id)s),
    refused AS (DELETE FROM line.refused WHERE batch_id = %(batch_id)s)
DELETE FROM line.items WHERE batch_id = %(batch_id)s;

-- name: current_version
SELECT revision, state, batch_id, completed_id IS NOT NULL FROM line.items WHERE item_id = %(item_id)s FOR UPDATE;

-- name: received_of_batch
SELECT f.value FROM line.batches b JOIN line.facts f ON f.event_id = b.received_id WHERE b.batch_id = %(batch_id)s;

-- name: page_revisions
SELECT page_id, max(revision) FROM line.facts
WHERE item_id = %(item_id)s AND record = 'PageAdmitted' GROUP BY page_id;

-- name: keep_version
INSERT INTO line.earlier_versions
SELECT i.item_id, i.revision, i.batch_id, i.registered_id, i.registered_at, i.title, i.page_count,
    (SELECT count(*) FROM line.pages p WHERE p.item_id = i.item_id AND p.kind = 'missing' AND NOT p.not_a_page),
    (SELECT count(*) FROM line.pages p WHERE p.item_id = i.item_id AND p.not_a_page), i.state, i.package_id
FROM line.items i WHERE i.item_id = %(item_id)s;

-- name: supersede_version_records
UPDATE line.quarantine q SET state = 'superseded' FROM line.items i
WHERE i.item_id = %(item_id)s AND q.item_id = i.item_id AND q.batch_id = i.batch_id AND q.state = 'open'
    AND q.resume_at <> 'tracker';

-- name: drop_pages_of_item
DELETE FROM line.pages WHERE item_id = %(item_id)s;

-- name: replace_item
UPDATE line.items SET batch_id = %(batch_id)s, registered_id = %(registered_id)s, registered_at = %(registered_at)s,
    revision = %(revision)s, page_count = %(page_count)s, required = %(required)s, title = %(title)s,
    page_list = %(page_list)s, profile = %(profile)s, cancelled = %(cancelled)s AND %(completed_id)s::text IS NULL,
    completed_id = %(completed_id)s, rejected = false, blocked = false, held = false, package_id = NULL,
    state = 'registered'
WHERE item_id = %(item_id)s;

-- name: superseded_package
SELECT package_id FROM line.earlier_versions
WHERE item_id = %(item_id)s AND package_id IS NOT NULL ORDER BY revision DESC LIMIT 1;

-- name: unregistered_items
SELECT f.value, f.partition, f."offset" FROM line.facts f JOIN line.batches b USING (batch_id)
WHERE f.record = 'ItemRegistered' AND (%(cause_id)s::text IS NULL OR f.cause_id = %(cause_id)s)
    AND NOT EXISTS (SELECT FROM line.items i WHERE i.registered_id = f.event_id)
    AND NOT EXISTS (SELECT FROM line.refused r WHERE r.registered_id = f.event_id)
    AND NOT EXISTS (SELECT FROM line.earlier_versions v WHERE v.registered_id = f.event_id)
ORDER BY f.item_id, f.partition, f."offset", f.event_id;

-- name: suggestion
SELECT batch_id, item_id, page_id, kind, label, model, version, weights_sha256
FROM review.suggestions WHERE suggestion_id = %(suggestion_id)s;

-- name: put_suggestion_decision
INSERT INTO review.decisions (suggestion_id, decision_id, action, label, term_uri, vocabulary,
    decided_by, decided_at)
VALUES (%(suggestion_id)s, %(decision_id)s, %(action)s, %(label)s, %(term_uri)s, %(vocabulary)s,
    %(decided_by)s, %(decided_at)s)
ON CONFLICT (suggestion_id) DO UPDATE SET decision_id = excluded.decision_id,
    action = excluded.action, label = excluded.label, term_uri = excluded.term_uri,
    vocabulary = excluded.vocabulary, decided_by = excluded.decided_by,
    decided_at = excluded.decided_at;

-- name: put_rerun
INSERT INTO review.reruns (decision_id, model, batch_id, asked_at)
VALUES (%(decision_id)s, %(model)s, %(batch_id)s, %(asked_at)s) ON CONFLICT DO NOTHING;

-- name: pause_enrichment
UPDATE review.switches SET paused = %(paused)s;

-- name: drop_enrichment
UPDATE review.switches SET dropped_before = greatest(dropped_before, %(before)s);
