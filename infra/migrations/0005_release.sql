-- What people decided about quarantine records. A verdict stands before it is carried out: in a
-- rebuild it may be read before the record, page or item that it is about.

SET LOCAL ROLE tracker;

CREATE TABLE line.verdicts (
    quarantine_id text PRIMARY KEY,
    decision_id text NOT NULL,
    action text NOT NULL CHECK (action IN ('release', 'reject', 'withdraw')),
    decided_at timestamptz NOT NULL,
    -- The corrected page file, as an entry of a page list has it.
    file jsonb,
    -- Whether a corrected manifest is the answer; then nothing is done again.
    manifest boolean NOT NULL DEFAULT false,
    carried_out boolean NOT NULL DEFAULT false
);
CREATE INDEX verdicts_waiting ON line.verdicts (quarantine_id) WHERE NOT carried_out;
CREATE INDEX verdicts_by_decision ON line.verdicts (decision_id);

ALTER TABLE line.pages
    ADD COLUMN withdrawn boolean NOT NULL DEFAULT false,
    -- The decision that opened this revision of the page; null for the first.
    ADD COLUMN opened_by text,
    ADD COLUMN opened_at timestamptz;

ALTER TABLE line.items ADD COLUMN rejected boolean NOT NULL DEFAULT false;
ALTER TABLE line.refused ADD COLUMN rejected boolean NOT NULL DEFAULT false;

-- Each of the four counts by its own predicate, none as the remainder of the others (contract: the
-- law that must hold). An item that is packaged or cancelled is so with all its pages: these are told
-- by their items. Pages that are quarantined or in flight are counted one by one.
-- `announced` are pages of batch.accepted whose item.registered has not been seen yet.
-- Deliveries that were refused and then rejected count as cancelled.
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
    CASE WHEN b.accepted_id IS NULL THEN 0 ELSE q.pages + r.open END::bigint AS quarantined,
    CASE WHEN b.accepted_id IS NULL THEN 0
         ELSE i.cancelled + r.rejected + CASE WHEN b.cancelled THEN a.announced ELSE 0 END END::bigint AS cancelled,
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
    SELECT count(*) AS items, coalesce(sum(page_count), 0) AS pages,
        coalesce(sum(page_count) FILTER (WHERE rejected), 0) AS rejected,
        coalesce(sum(page_count) FILTER (WHERE NOT rejected), 0) AS open
    FROM line.refused WHERE batch_id = b.batch_id
) r
CROSS JOIN LATERAL (SELECT b.page_count - i.pages - r.pages AS announced) a;

GRANT SELECT ON line.verdicts TO auditor_ro;
RESET ROLE;
