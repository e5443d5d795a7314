-- Who is in the window of work and who waits for it: found without reading all that waits.

SET LOCAL ROLE tracker;

-- One row of what admission goes by.
CREATE TABLE line.admission (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    -- Until when batches of priority night wait; null or past: it is night, or no hours are set.
    night_from timestamptz,
    -- Number of the latest place that was given in the window.
    served bigint NOT NULL DEFAULT 0
);
INSERT INTO line.admission DEFAULT VALUES;

ALTER TABLE line.batches
    -- What a person decided goes before what the manifest says, whichever is known first.
    ADD COLUMN asked_priority text,
    -- Number of the place that it was given last.
    ADD COLUMN served bigint NOT NULL DEFAULT 0,
    -- When something of it was last told or decided.
    ADD COLUMN heard_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX batches_open ON line.batches (batch_id) WHERE NOT settled AND NOT cancelled;

-- A page works while a required step of it is neither ended nor deferred nor quarantined: it has a
-- place in the window.
ALTER TABLE line.pages ADD COLUMN working boolean NOT NULL DEFAULT false;
UPDATE line.pages SET working = true WHERE state = 'admitted';
DROP INDEX line.pages_in_window;
CREATE INDEX pages_at_work ON line.pages (batch_id) WHERE working;
DROP INDEX line.pages_to_admit;
CREATE INDEX pages_to_admit ON line.pages (batch_id, item_id, sequence, ref)
    WHERE admitted_id IS NULL AND kind <> 'missing' AND state = 'registered';

-- The batch in whose turn a retry enters the window again; null: it goes as soon as it is due.
ALTER TABLE line.outbox ADD COLUMN held_for text;
CREATE INDEX outbox_held ON line.outbox (held_for, not_before, id) WHERE held_for IS NOT NULL;
DROP INDEX line.outbox_waiting;
CREATE INDEX outbox_waiting ON line.outbox (not_before, id) WHERE not_before IS NOT NULL AND held_for IS NULL;

-- As before, but: a pause is seen at once, also while pre-flight judges; and a batch of the night is
-- held by day as long as it has pages that were not admitted.
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

-- What a batch waits for, and until when where that is known; null: it is at work, or over.
CREATE VIEW line.batch_waits AS
SELECT b.batch_id, w.waits_for,
    CASE w.waits_for
        WHEN 'not-before' THEN b.not_before
        WHEN 'night' THEN g.night_from
        WHEN 'retry' THEN (SELECT min(o.not_before) FROM line.outbox o WHERE o.held_for = b.batch_id)
    END AS waits_until
FROM line.batches b
CROSS JOIN line.admission g
CROSS JOIN LATERAL (
    SELECT NOT b.settled AND NOT b.cancelled AND EXISTS (
        SELECT FROM line.pages p WHERE p.batch_id = b.batch_id AND p.admitted_id IS NULL
            AND p.kind <> 'missing' AND p.state = 'registered') AS new_pages
) n
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN b.settled OR b.cancelled OR b.refused OR b.received_id IS NULL AND b.turned_away THEN NULL
        WHEN b.paused THEN 'resume'
        WHEN b.received_id IS NULL THEN 'manifest'
        WHEN b.accepted_id IS NULL THEN 'pre-flight'
        WHEN b.not_before > now() THEN 'not-before'
        WHEN b.priority = 'night' AND g.night_from > now() AND n.new_pages THEN 'night'
        WHEN EXISTS (SELECT FROM line.pages p WHERE p.batch_id = b.batch_id AND p.working) THEN NULL
        WHEN n.new_pages THEN 'room'
        WHEN EXISTS (SELECT FROM line.outbox o WHERE o.held_for = b.batch_id) THEN 'retry'
    END AS waits_for
) w;

-- Batches that should be moving, with the moment since when nothing of them was heard.
CREATE VIEW line.quiet_batches AS
SELECT b.batch_id, b.heard_at AS since, w.waits_for
FROM line.batches b JOIN line.batch_waits w USING (batch_id)
WHERE NOT b.settled AND NOT b.cancelled AND NOT b.refused AND b.received_id IS NOT NULL
    AND (w.waits_for IS NULL OR w.waits_for IN ('pre-flight', 'room'));

GRANT SELECT ON line.batch_waits, line.quiet_batches TO auditor_ro;
RESET ROLE;
