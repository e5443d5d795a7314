-- Queries of audit.event for auditors.

-- name: completeness
SELECT waits_for, (SELECT min(seq) FROM audit.event WHERE seq > last_seq) FROM audit.projector_position;

-- name: around_page
SELECT coalesce(array_agg(DISTINCT item_id) FILTER (WHERE item_id IS NOT NULL), '{}'),
       coalesce(array_agg(DISTINCT batch_id) FILTER (WHERE batch_id IS NOT NULL), '{}')
FROM audit.event
WHERE page_id = %(page_id)s;

-- name: around_item
SELECT coalesce(array_agg(DISTINCT batch_id) FILTER (WHERE batch_id IS NOT NULL), '{}')
FROM audit.event
WHERE item_id = %(item_id)s;

-- name: pages_named
-- A ref is unique and takes precedence over a label, which several pages may have.
SELECT page_id, item_id, batch_id, ref
FROM line.pages
WHERE page_id = %(page_id)s
   OR (item_id = split_part(%(page_id)s, ':', 1)
       AND (entry -> 'labels')::jsonb ? substr(%(page_id)s, strpos(%(page_id)s, ':') + 1))
ORDER BY page_id <> %(page_id)s, sequence, ref;

-- name: page
SELECT {columns} FROM audit.event WHERE page_id = %(page_id)s
UNION ALL
SELECT {columns} FROM audit.event WHERE item_id = ANY (%(items)s) AND page_id IS NULL
UNION ALL
SELECT {columns} FROM audit.event
WHERE batch_id = ANY (%(batches)s) AND item_id IS NULL AND page_id IS NULL AND fact <> 'BatchSettled';

-- name: item
SELECT {columns} FROM audit.event WHERE item_id = ANY (%(items)s)
UNION ALL
SELECT {columns} FROM audit.event
WHERE batch_id = ANY (%(batches)s) AND item_id IS NULL AND page_id IS NULL AND fact <> 'BatchSettled';

-- name: batch
SELECT {columns} FROM audit.event WHERE batch_id = ANY (%(batches)s);

-- name: projected
SELECT last_seq FROM audit.projector_position;

-- name: all_events
SELECT {columns} FROM audit.event ORDER BY seq;
