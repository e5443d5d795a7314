-- Queries of fixity runs and repairs.

-- name: try_lock
SELECT pg_try_advisory_lock(hashtext('copystand.fixity'));

-- name: lock_repairs
SELECT pg_advisory_lock(hashtext('copystand.fixity.restore'));

-- name: repeated_work
SELECT v.decision_id, q.origin_event_id FROM line.verdicts v JOIN line.quarantine q USING (quarantine_id);

-- name: facts_not_read
SELECT f.event_id, f.value FROM line.facts f
WHERE f.event_id > %(after)s AND f.record <> ALL(%(others)s)
    AND NOT EXISTS (SELECT FROM fixity.facts_read r WHERE r.event_id = f.event_id)
ORDER BY f.event_id LIMIT %(limit)s;

-- name: put_object
INSERT INTO fixity.objects (key, sha256, size_bytes, media_type, stored_at) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (key) DO UPDATE SET stored_at = least(fixity.objects.stored_at, EXCLUDED.stored_at);

-- name: put_owner
INSERT INTO fixity.owners VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING;

-- name: put_fact_read
INSERT INTO fixity.facts_read VALUES (%s) ON CONFLICT DO NOTHING;

-- name: open_run
SELECT run_id, scope, started_at FROM fixity.runs WHERE finished_at IS NULL;

-- name: begin_run
INSERT INTO fixity.runs (run_id, scope) VALUES (%(run_id)s, %(scope)s) RETURNING run_id, scope, started_at;

-- name: finish_run
UPDATE fixity.runs SET finished_at = now() WHERE run_id = %(run_id)s;

-- name: select_all
UPDATE fixity.objects SET run_id = %(run_id)s;

-- name: select_sample
UPDATE fixity.objects SET run_id = %(run_id)s
WHERE key IN (SELECT key FROM fixity.objects ORDER BY random() LIMIT %(amount)s);

-- name: select_older_than
UPDATE fixity.objects SET run_id = %(run_id)s
WHERE coalesce(checked_at, stored_at) < now() - %(amount)s * interval '1 day';

-- name: subjects_to_do
SELECT DISTINCT w.batch_id, w.item_id FROM fixity.owners w JOIN fixity.objects o USING (key)
WHERE o.run_id = %(run_id)s AND NOT EXISTS (SELECT FROM fixity.subjects_done d
    WHERE d.run_id = o.run_id AND d.batch_id = w.batch_id AND d.item_id = w.item_id)
ORDER BY 1, 2;

-- name: objects_of_subject
SELECT o.key, o.sha256, o.size_bytes, o.media_type, o.checked_at, o.code, o.found, o.quarantine_id,
    o.read_in IS NOT DISTINCT FROM o.run_id AS is_read, w.page_id, w.use, q.state AS quarantine_state
FROM fixity.owners w JOIN fixity.objects o USING (key) LEFT JOIN line.quarantine q USING (quarantine_id)
WHERE w.batch_id = %(batch_id)s AND w.item_id = %(item_id)s AND o.run_id = %(run_id)s
ORDER BY o.key COLLATE "C";

-- name: put_reading
UPDATE fixity.objects SET checked_at = %s, code = %s, found = %s, read_in = run_id,
    sha256 = coalesce(sha256, %s), size_bytes = coalesce(size_bytes, %s) WHERE key = %s;

-- name: set_quarantine
UPDATE fixity.objects SET quarantine_id = %s WHERE key = %s;

-- name: put_subject_done
INSERT INTO fixity.subjects_done VALUES (%s, %s, %s, %s, %s, %s);

-- name: put_fact_made
INSERT INTO fixity.facts_made (event_id, value) VALUES (%s, %s) ON CONFLICT DO NOTHING;

-- name: facts_to_publish
SELECT event_id, value FROM fixity.facts_made WHERE NOT published ORDER BY number LIMIT 500;

-- name: mark_published
UPDATE fixity.facts_made SET published = true WHERE event_id = ANY(%(event_ids)s);

-- name: run_figures
SELECT r.run_id, r.scope, r.started_at, r.finished_at, count(d.run_id) AS subjects,
    coalesce(sum(d.objects), 0)::bigint AS objects, coalesce(sum(d.failed), 0)::bigint AS failed,
    coalesce(sum(d.size_bytes), 0)::bigint AS size_bytes
FROM fixity.runs r LEFT JOIN fixity.subjects_done d USING (run_id)
WHERE %(run_id)s::text IS NULL OR r.run_id = %(run_id)s
GROUP BY r.run_id ORDER BY r.started_at DESC LIMIT 1;

-- name: oldest_object
SELECT key, sha256, stored_at, checked_at FROM fixity.objects
ORDER BY coalesce(checked_at, stored_at), key LIMIT 1;

-- name: object_count
SELECT count(*) AS objects, count(*) FILTER (WHERE checked_at IS NULL) AS never_read FROM fixity.objects;

-- name: failures
SELECT o.key, o.sha256, o.code, o.quarantine_id, q.state, o.checked_at,
    coalesce(q.found, o.found) AS found
FROM fixity.objects o LEFT JOIN line.quarantine q USING (quarantine_id)
WHERE o.code IS NOT NULL ORDER BY o.key;

-- name: failures_of_run
SELECT o.key, o.sha256, o.code, o.quarantine_id, q.state, o.found
FROM fixity.objects o LEFT JOIN line.quarantine q USING (quarantine_id)
WHERE o.code IS NOT NULL AND o.run_id = %(run_id)s AND o.read_in = %(run_id)s ORDER BY o.key;

-- name: failed_objects
SELECT o.key, o.sha256, o.size_bytes, o.media_type, o.quarantine_id, w.batch_id, w.item_id
FROM fixity.objects o CROSS JOIN LATERAL (
    SELECT batch_id, item_id FROM fixity.owners w WHERE w.key = o.key ORDER BY batch_id, item_id LIMIT 1) w
WHERE o.sha256 = %(sha256)s AND o.code IS NOT NULL AND o.quarantine_id IS NOT NULL ORDER BY o.key;

-- name: mark_restored
UPDATE fixity.objects SET checked_at = now(), code = NULL, found = NULL, quarantine_id = NULL
WHERE key = %(key)s;

-- name: packages_with
SELECT DISTINCT p.package_id, p.key, p.sha256, p.size_bytes, p.published_at
FROM fixity.owners w JOIN line.packages p USING (item_id)
WHERE w.key = %(key)s AND w.item_id <> '' ORDER BY p.published_at DESC, p.package_id;

-- The last answer of each repository to each package of the items that the object belongs to.
-- name: repositories_with
SELECT DISTINCT ON (r.repository, p.package_id) r.repository, p.package_id, r.occurred_at, r.accepted
FROM fixity.owners w JOIN line.packages p USING (item_id) JOIN line.receipts r USING (package_id)
WHERE w.key = %(key)s AND w.item_id <> ''
ORDER BY r.repository, p.package_id, r.occurred_at DESC, r.event_id;

-- name: completion_of_package
SELECT f.value FROM line.packages p JOIN line.facts f USING (item_id)
WHERE p.key = %(key)s AND f.record = 'ItemCompleted' AND f.revision = p.revision
ORDER BY f.occurred_at LIMIT 1;

-- name: facts_beside_receipt
SELECT DISTINCT f.event_id, f.value FROM fixity.owners w JOIN line.facts f
    ON f.batch_id = w.batch_id AND coalesce(f.item_id, '') = w.item_id
WHERE w.key = %(key)s AND w.use = 'receipt';

-- name: derivation
SELECT f.value AS made, a.value AS acquired FROM fixity.owners w
    JOIN line.facts f ON f.item_id = w.item_id AND f.page_id = w.page_id AND f.record = ANY(%(records)s)
    JOIN line.facts a ON a.item_id = w.item_id AND a.page_id = w.page_id AND a.record = 'PageAcquired'
        AND a.revision = f.revision
WHERE w.key = %(key)s ORDER BY f.occurred_at, f.event_id;
