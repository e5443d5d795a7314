-- Queries of the role enrichment, by name.

-- name: offsets
SELECT topic, partition, next_offset FROM review.offsets;

-- name: put_offset
INSERT INTO review.offsets VALUES (%(topic)s, %(partition)s, %(next_offset)s)
ON CONFLICT (topic, partition) DO UPDATE
SET next_offset = greatest(review.offsets.next_offset, excluded.next_offset);

-- name: put_item
INSERT INTO review.items VALUES (%(event_id)s, %(batch_id)s, %(item_id)s, %(revision)s,
    %(page_count)s, %(completed_at)s, %(value)s) ON CONFLICT DO NOTHING;

-- name: put_work
INSERT INTO review.work (cause_id, item_event_id, model, asked_at)
VALUES (%(event_id)s, %(event_id)s, '', %(completed_at)s) ON CONFLICT DO NOTHING;

-- name: expand_reruns
-- The latest version of each item that a decision names.
WITH asked AS (
    UPDATE review.reruns SET expanded = true WHERE NOT expanded RETURNING *
)
INSERT INTO review.work (cause_id, item_event_id, model, asked_at)
SELECT a.decision_id, i.event_id, a.model, a.asked_at
FROM asked a CROSS JOIN LATERAL (
    SELECT DISTINCT ON (item_id) event_id, batch_id, completed_at FROM review.items
    ORDER BY item_id, revision DESC) i
WHERE a.batch_id IS NULL OR a.batch_id = i.batch_id
ORDER BY i.completed_at, i.event_id
ON CONFLICT DO NOTHING;

-- name: is_paused
SELECT paused FROM review.switches;

-- name: next_work
SELECT w.cause_id, w.item_event_id, w.model, i.value
FROM review.work w JOIN review.items i ON i.event_id = w.item_event_id, review.switches s
WHERE NOT w.done AND w.asked_at > s.dropped_before
ORDER BY w.number LIMIT 1;

-- name: finish_work
UPDATE review.work SET done = true
WHERE cause_id = %(cause_id)s AND item_event_id = %(item_event_id)s;

-- name: is_wanted
SELECT count(*) > 0 FROM review.work w, review.switches s
WHERE NOT w.done AND w.asked_at > s.dropped_before AND NOT s.paused
    AND w.cause_id = %(cause_id)s AND w.item_event_id = %(item_event_id)s;

-- name: known_analyses
SELECT event_id FROM review.analyses WHERE event_id = ANY(%(event_ids)s);

-- name: put_analysis
INSERT INTO review.analyses (event_id, page_id, analyzed_at, value)
VALUES (%(event_id)s, %(page_id)s, %(analyzed_at)s, %(value)s)
ON CONFLICT DO NOTHING RETURNING number;

-- name: put_run
INSERT INTO review.latest_runs VALUES (%(page_id)s, %(model)s, %(number)s, %(version)s,
    %(weights_sha256)s, %(master_sha256)s)
ON CONFLICT (page_id, model) DO UPDATE SET number = excluded.number, version = excluded.version,
    weights_sha256 = excluded.weights_sha256, master_sha256 = excluded.master_sha256
WHERE review.latest_runs.number < excluded.number;

-- name: put_suggestion
INSERT INTO review.suggestions (suggestion_id, event_id, batch_id, item_id, page_id, master_sha256,
    model, version, weights_sha256, kind, label, term_uri, vocabulary, score, box, evidence,
    suggested_at)
VALUES (%(suggestion_id)s, %(event_id)s, %(batch_id)s, %(item_id)s, %(page_id)s, %(master_sha256)s,
    %(model)s, %(version)s, %(weights_sha256)s, %(kind)s, %(label)s, %(term_uri)s, %(vocabulary)s,
    %(score)s, %(box)s::integer[], %(evidence)s::text[], %(suggested_at)s)
ON CONFLICT DO NOTHING;

-- name: not_published
SELECT event_id, value FROM review.analyses WHERE value IS NOT NULL ORDER BY number LIMIT 100;

-- name: mark_published
UPDATE review.analyses SET value = NULL WHERE event_id = ANY(%(event_ids)s);

-- name: remove_models
DELETE FROM review.models WHERE model <> ALL(%(models)s);

-- name: put_model
INSERT INTO review.models VALUES (%(model)s, %(version)s, %(weights_sha256)s)
ON CONFLICT (model) DO UPDATE
SET version = excluded.version, weights_sha256 = excluded.weights_sha256;
