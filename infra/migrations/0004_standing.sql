-- How batches stand, at a cost that follows the work under way and not all that was ever packaged.

SET LOCAL ROLE tracker;

CREATE INDEX pages_in_flight ON line.pages (batch_id) WHERE state IN ('registered', 'admitted', 'ended');
CREATE INDEX pages_quarantined ON line.pages (batch_id) WHERE state = 'quarantined';
DROP INDEX line.pages_by_batch;
CREATE INDEX packages_by_batch ON line.packages (batch_id);
CREATE INDEX packages_unanswered ON line.packages (published_at) WHERE state = 'published';

-- Each of the four counts by its own predicate, none as the remainder of the others (contract: the
-- law that must hold). An item that is packaged or cancelled is so with all its pages: these are told
-- by their items. Pages that are quarantined or in flight are counted one by one.
-- `announced` are pages of batch.accepted whose item.registered has not been seen yet.
CREATE OR REPLACE VIEW line.batch_status AS
SELECT
    b.batch_id,
    CASE
        WHEN b.cancelled THEN 'cancelled'
        WHEN b.received_id IS NULL THEN CASE WHEN b.turned_away THEN 'quarantined' ELSE 'uploading' END
        WHEN b.refused THEN 'quarantined'
        WHEN b.accepted_id IS NULL THEN 'submitted'
        WHEN b.settled THEN 'settled'
        WHEN b.paused THEN 'paused'
        WHEN b.not_before > now() THEN 'held'
        ELSE 'running'
    END AS state,
    CASE WHEN b.accepted_id IS NULL THEN 0 ELSE b.page_count END::bigint AS registered,
    CASE WHEN b.accepted_id IS NULL THEN 0 ELSE i.packaged END::bigint AS packaged,
    CASE WHEN b.accepted_id IS NULL THEN 0 ELSE q.pages + r.pages END::bigint AS quarantined,
    CASE WHEN b.accepted_id IS NULL THEN 0
         ELSE i.cancelled + CASE WHEN b.cancelled THEN a.announced ELSE 0 END END::bigint AS cancelled,
    CASE WHEN b.accepted_id IS NULL THEN 0
         ELSE f.pages + CASE WHEN b.cancelled THEN 0 ELSE a.announced END END::bigint AS in_flight,
    coalesce(b.item_count, 0) AS item_count,
    i.items + r.items AS items_registered,
    b.priority, b.not_before, b.project, b.operator, b.paused, b.settlements,
    b.received_id, b.received_at, b.accepted_at
FROM line.batches b
CROSS JOIN LATERAL (
    SELECT count(*) AS items, coalesce(sum(page_count), 0) AS pages,
        coalesce(sum(page_count) FILTER (WHERE state = 'packaged'), 0) AS packaged,
        coalesce(sum(page_count) FILTER (WHERE state = 'cancelled'), 0) AS cancelled
    FROM line.items WHERE batch_id = b.batch_id
) i
CROSS JOIN LATERAL (
    SELECT count(*) AS pages FROM line.pages WHERE batch_id = b.batch_id AND state = 'quarantined'
) q
CROSS JOIN LATERAL (
    SELECT count(*) AS pages FROM line.pages
    WHERE batch_id = b.batch_id AND state IN ('registered', 'admitted', 'ended')
) f
CROSS JOIN LATERAL (
    SELECT count(*) AS items, coalesce(sum(page_count), 0) AS pages
    FROM line.refused WHERE batch_id = b.batch_id
) r
CROSS JOIN LATERAL (SELECT b.page_count - i.pages - r.pages AS announced) a;
RESET ROLE;

-- The view asks a little of many batches; compiling it took longer than running it.
ALTER ROLE tracker SET jit = off;
ALTER ROLE auditor_ro SET jit = off;
