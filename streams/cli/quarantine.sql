-- Queries of `copystand quarantine`, by name.

-- name: list
SELECT quarantine_id, batch_id, item_id, page_id, code, "where", found, fix, attempts, resume_at,
    state, required, occurred_at, origin_event_id, work_id, lane, diagnostics_count
FROM line.quarantine
WHERE (%(batch)s::text IS NULL OR batch_id = %(batch)s)
    AND (%(item)s::text IS NULL OR lower(item_id) = lower(%(item)s))
    AND (%(state)s::text IS NULL OR state = %(state)s)
    AND (%(code)s::text IS NULL OR code = %(code)s)
    AND (%(since)s::timestamptz IS NULL OR occurred_at >= %(since)s)
ORDER BY occurred_at, quarantine_id LIMIT %(limit)s;

-- name: show
SELECT quarantine_id, batch_id, item_id, page_id, code, "where", found, fix, attempts, resume_at,
    state, required, occurred_at, origin_event_id, work_id, lane, diagnostics_count, diagnostics
FROM line.quarantine WHERE quarantine_id = %(quarantine_id)s;

-- name: selected
-- The records with these ids, or without ids the open records of a batch or with a code. A failed
-- object is decided about by its id or code only: it needs another command than work.
SELECT quarantine_id, batch_id, item_id, page_id, revision FROM line.quarantine
WHERE (quarantine_id = ANY(%(ids)s) OR (%(ids)s::text[] = '{}' AND state = 'open'
        AND (%(batch)s::text IS NULL OR batch_id = %(batch)s)
        AND (code = %(code)s OR (%(code)s::text IS NULL AND resume_at <> 'fixity'))))
ORDER BY occurred_at, quarantine_id;

-- name: delivered_paths
-- The delivered path of the page of each of these records that has a page with a file, and the item
-- of a page that is one of several images of its file.
SELECT
  q.quarantine_id,
  p.entry -> 'file' ->> 'path' AS path,
  CASE WHEN p.entry ->> 'image' IS NOT NULL THEN p.item_id END AS item_of_image
FROM line.quarantine q JOIN line.pages p USING (page_id)
WHERE q.quarantine_id = ANY(%(ids)s) AND p.entry -> 'file' ->> 'path' IS NOT NULL;
