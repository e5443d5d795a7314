-- Queries of `copystand review`, by name.

-- name: list
SELECT suggestion_id, batch_id, item_id, page_id, kind, coalesce(edited_label, label) AS label,
    coalesce(edited_term_uri, term_uri) AS term_uri,
    coalesce(edited_vocabulary, vocabulary) AS vocabulary, score, nullif(box, '{}') AS box, model,
    state
FROM review.suggestion_states
WHERE (%(batch)s::text IS NULL OR batch_id = %(batch)s)
    AND (%(item)s::text IS NULL OR lower(item_id) = lower(%(item)s))
    AND (%(kind)s::text IS NULL OR kind = %(kind)s)
    AND (%(state)s::text IS NULL OR state = %(state)s)
    AND (%(code)s::text IS NULL OR label = %(code)s)
    AND (%(since)s::timestamptz IS NULL OR suggested_at >= %(since)s)
ORDER BY number LIMIT %(limit)s;

-- name: show
SELECT suggestion_id, batch_id, item_id, page_id, kind, label, term_uri, vocabulary, score,
    nullif(box, '{}') AS box, model, version, weights_sha256, master_sha256, evidence, suggested_at,
    event_id, state, edited_label, edited_term_uri, edited_vocabulary, decided_by, decided_at,
    decision_id
FROM review.suggestion_states WHERE suggestion_id = %(suggestion_id)s;

-- name: installed
SELECT model, version, weights_sha256 FROM review.models ORDER BY model;

-- name: backlog
SELECT count(i.event_id) AS items, coalesce(sum(i.page_count), 0)::bigint AS pages, s.paused
FROM review.switches s LEFT JOIN (review.work w JOIN review.items i ON i.event_id = w.item_event_id)
    ON NOT w.done AND w.asked_at > s.dropped_before
GROUP BY s.paused;

-- name: precision
SELECT s.model, s.kind, s.label, to_char(d.decided_at AT TIME ZONE 'UTC', 'YYYY-MM') AS month,
    count(*) AS decided, count(*) FILTER (WHERE d.action = 'accept') AS accepted,
    count(*) FILTER (WHERE d.action = 'edit') AS edited,
    count(*) FILTER (WHERE d.action = 'reject') AS rejected
FROM review.suggestions s JOIN review.decisions d USING (suggestion_id)
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;

-- name: scores
SELECT s.model, s.kind, s.label, s.score, d.action = 'accept' AS is_right
FROM review.suggestions s JOIN review.decisions d USING (suggestion_id)
ORDER BY s.model, s.kind, s.label, s.score DESC, s.suggestion_id;
