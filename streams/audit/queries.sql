-- Queries of audit.event for auditors.

-- name: completeness
SELECT last_seq, waits_for, (SELECT min(seq) FROM audit.event WHERE seq > last_seq) FROM audit.projector_position;

-- name: known_at
SELECT audit.last_seq_at(%(moment)s);

-- name: around_page
SELECT coalesce(array_agg(DISTINCT item_id) FILTER (WHERE item_id IS NOT NULL), '{}'),
       coalesce(array_agg(DISTINCT batch_id) FILTER (WHERE batch_id IS NOT NULL), '{}')
FROM audit.event
WHERE page_id = %(page_id)s AND seq <= %(last_seq)s;

-- name: around_item
SELECT coalesce(array_agg(DISTINCT batch_id) FILTER (WHERE batch_id IS NOT NULL), '{}')
FROM audit.event
WHERE item_id = %(item_id)s AND seq <= %(last_seq)s;

-- name: pages_named
-- A ref is unique and takes precedence over a label, which several pages may have.
SELECT page_id, item_id, batch_id, ref
FROM line.pages
WHERE page_id = %(page_id)s
   OR (item_id = split_part(%(page_id)s, ':', 1)
       AND (entry -> 'labels')::jsonb ? substr(%(page_id)s, strpos(%(page_id)s, ':') + 1))
ORDER BY page_id <> %(page_id)s, sequence, ref;

-- name: page
SELECT {columns} FROM audit.event WHERE page_id = %(page_id)s AND seq <= %(last_seq)s
UNION ALL
SELECT {columns} FROM audit.event WHERE item_id = ANY (%(items)s) AND page_id IS NULL AND seq <= %(last_seq)s
UNION ALL
SELECT {columns} FROM audit.event
WHERE batch_id = ANY (%(batches)s) AND item_id IS NULL AND page_id IS NULL AND fact <> 'BatchSettled'
    AND seq <= %(last_seq)s;

-- name: item
SELECT {columns} FROM audit.event WHERE item_id = ANY (%(items)s) AND seq <= %(last_seq)s
UNION ALL
SELECT {columns} FROM audit.event
WHERE batch_id = ANY (%(batches)s) AND item_id IS NULL AND page_id IS NULL AND fact <> 'BatchSettled'
    AND seq <= %(last_seq)s;

-- name: batch
SELECT {columns} FROM audit.event WHERE batch_id = ANY (%(batches)s) AND seq <= %(last_seq)s;

-- name: projected
SELECT last_seq FROM audit.projector_position;

-- name: all_events
SELECT {columns} FROM audit.event ORDER BY seq;

-- name: ranges_without
-- Ranges in which nothing occurred in the time that is asked for.
SELECT first_seq, last_seq FROM audit.time_ranges
WHERE latest < coalesce(%(since)s::timestamptz, '-infinity') OR earliest >= coalesce(%(until)s::timestamptz, 'infinity')
ORDER BY first_seq;

-- name: events
SELECT {columns} FROM audit.event WHERE {conditions} ORDER BY seq LIMIT %(rows)s;

-- The conditions of a search: each is used if its value is given.

-- name: where_last_seq
seq <= %(last_seq)s

-- name: where_after
seq > %(after)s

-- name: where_event_type
event_type = %(event_type)s

-- name: where_outcome
outcome = %(outcome)s

-- name: where_failed
outcome <> 'suc' AND outcome = %(outcome)s

-- name: where_code
code = %(code)s

-- name: where_batch
batch_id = %(batch)s

-- name: where_item
item_id = %(item)s

-- name: where_since
occurred_at >= %(since)s

-- name: where_until
occurred_at < %(until)s

-- name: where_agent
(agents @> %(agent)s OR agents @> %(versioned_agent)s)

-- name: where_object
(sources @> ARRAY[%(object)s] OR results @> ARRAY[%(object)s])

-- name: makers
-- The events that made an object, the first ones first.
SELECT {columns} FROM audit.event WHERE results @> ARRAY[%(object)s] AND seq <= %(last_seq)s ORDER BY seq LIMIT %(rows)s;

-- name: of_items
-- Packages of items, and checks of all their files.
SELECT {columns} FROM audit.event
WHERE item_id = ANY (%(items)s) AND page_id IS NULL AND seq <= %(last_seq)s
    AND (fact = 'PackagePublished' OR event_type = 'fixity check')
ORDER BY seq LIMIT %(rows)s;
