-- Queries of `copystand batch`, by name.

-- name: list
SELECT batch_id, state, registered, packaged, quarantined, cancelled, in_flight, item_count,
    items_registered,
    (SELECT count(*) FROM line.quarantine q
        WHERE q.batch_id = s.batch_id AND q.state = 'open') AS open_records,
    priority, not_before, waits_for, waits_until, project, operator, settlements, received_at,
    accepted_at
FROM line.batch_status s LEFT JOIN line.batch_waits w USING (batch_id)
WHERE (%(batch)s::text IS NULL OR batch_id = %(batch)s)
    AND (%(item)s::text IS NULL OR EXISTS (
        SELECT FROM line.items i
        WHERE i.batch_id = s.batch_id AND lower(i.item_id) = lower(%(item)s))
        OR EXISTS (SELECT FROM line.earlier_versions v
        WHERE v.batch_id = s.batch_id AND lower(v.item_id) = lower(%(item)s)))
    AND (%(state)s::text IS NULL OR state = %(state)s)
    AND (%(code)s::text IS NULL OR EXISTS (
        SELECT FROM line.quarantine q WHERE q.batch_id = s.batch_id AND q.code = %(code)s))
    AND (%(since)s::timestamptz IS NULL OR received_at >= %(since)s)
ORDER BY received_at DESC NULLS FIRST, batch_id LIMIT %(limit)s;

-- name: items
SELECT i.item_id, i.state, i.title, i.revision, i.page_count, i.registered_at,
    count(p.page_id) FILTER (WHERE p.state = 'registered') AS registered,
    count(p.page_id) FILTER (WHERE p.state = 'admitted') AS admitted,
    count(p.page_id) FILTER (WHERE p.state = 'ended') AS ended,
    count(p.page_id) FILTER (WHERE p.state = 'packaged') AS packaged,
    count(p.page_id) FILTER (WHERE p.state = 'quarantined') AS quarantined,
    count(p.page_id) FILTER (WHERE p.state = 'cancelled') AS cancelled,
    count(p.page_id) FILTER (WHERE p.kind = 'missing' AND NOT p.not_a_page) AS missing,
    count(p.page_id) FILTER (WHERE p.not_a_page) AS not_pages,
    i.package_id, k.state AS package_state
FROM line.items i LEFT JOIN line.pages p USING (item_id)
LEFT JOIN line.packages k ON k.package_id = i.package_id
WHERE i.batch_id = %(batch)s GROUP BY i.item_id, k.package_id
UNION ALL
SELECT v.item_id, v.state, v.title, v.revision, v.page_count, v.registered_at, 0, 0, 0,
    CASE v.state WHEN 'packaged' THEN v.page_count ELSE 0 END, 0,
    CASE v.state WHEN 'cancelled' THEN v.page_count ELSE 0 END, v.missing_pages, v.not_pages, v.package_id, k.state
FROM line.earlier_versions v LEFT JOIN line.packages k USING (package_id)
WHERE v.batch_id = %(batch)s ORDER BY item_id, revision;

-- name: packages
SELECT package_id, item_id, revision, state, size_bytes, published_at,
    CASE WHEN coalesce((SELECT v.missing_pages > 0 FROM line.earlier_versions v WHERE v.package_id = k.package_id),
        EXISTS (SELECT FROM line.pages p WHERE p.item_id = k.item_id AND p.kind = 'missing' AND NOT p.not_a_page))
        THEN 'incomplete' ELSE 'complete' END AS completeness
FROM line.packages k
WHERE batch_id = %(batch)s ORDER BY published_at, package_id;

-- name: open_records
SELECT quarantine_id, item_id, page_id, code, "where", found, fix, occurred_at FROM line.quarantine
WHERE batch_id = %(batch)s AND state = 'open' ORDER BY occurred_at, quarantine_id;

-- name: settled_at
SELECT max(occurred_at) AS settled_at FROM audit.event
WHERE batch_id = %(batch)s AND item_id IS NULL AND fact = 'BatchSettled';
