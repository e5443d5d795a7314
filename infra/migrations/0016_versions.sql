-- A delivery may replace an item that is packaged or cancelled. The item then has the next revision, and what
-- its earlier delivery was is kept here, for the figures of that batch.

SET LOCAL ROLE tracker;

CREATE TABLE line.earlier_versions (
    item_id       text NOT NULL,
    revision      integer NOT NULL,
    batch_id      text NOT NULL REFERENCES line.batches,
    registered_id text NOT NULL UNIQUE,
    registered_at timestamptz NOT NULL,
    title         text,
    page_count    integer NOT NULL,
    missing_pages integer NOT NULL,
    not_pages     integer NOT NULL,
    state         text NOT NULL CHECK (state IN ('packaged', 'cancelled')),
    package_id    text UNIQUE,
    PRIMARY KEY (item_id, revision)
);
CREATE INDEX earlier_versions_by_batch ON line.earlier_versions (batch_id);
COMMENT ON TABLE line.earlier_versions IS 'Versions of items that a later delivery replaced.';
GRANT SELECT ON line.earlier_versions TO auditor_ro;

CREATE OR REPLACE VIEW line.batch_status AS
SELECT
    b.batch_id,
    CASE
        WHEN b.cancelled THEN 'cancelled'
        WHEN b.received_id IS NULL AND b.turned_away THEN 'quarantined'
        WHEN b.refused THEN 'quarantined'
        WHEN b.settled THEN 'settled'
        WHEN b.paused THEN 'paused'
        WHEN b.received_id IS NULL THEN 'uploading'
        WHEN b.accepted_id IS NULL THEN 'submitted'
        WHEN b.not_before > now() THEN 'held'
        WHEN b.priority = 'night' AND g.night_from > now() AND (a.announced > 0 OR EXISTS (
            SELECT FROM line.pages w WHERE w.batch_id = b.batch_id AND w.admitted_id IS NULL
                AND w.kind <> 'missing' AND w.state = 'registered')) THEN 'held'
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
CROSS JOIN line.admission g
CROSS JOIN LATERAL (
    SELECT count(*) AS items, coalesce(sum(page_count), 0) AS pages,
        coalesce(sum(page_count) FILTER (WHERE state = 'packaged'), 0) AS packaged,
        coalesce(sum(page_count) FILTER (WHERE state = 'cancelled'), 0) AS cancelled
    FROM (
        SELECT page_count, state FROM line.items WHERE batch_id = b.batch_id
        UNION ALL
        SELECT page_count, state FROM line.earlier_versions WHERE batch_id = b.batch_id
    ) x
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
RESET ROLE;
