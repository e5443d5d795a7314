-- Schema `line`: what the tracker knows of the line. It can be dropped and rebuilt from the topics.

CREATE SCHEMA line AUTHORIZATION tracker;
GRANT USAGE ON SCHEMA line TO auditor_ro;
SET LOCAL ROLE tracker;

-- One row: the fence. A tracker that finds another epoch than its own has been succeeded.
CREATE TABLE line.active (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch bigint NOT NULL DEFAULT 0,
    rebuilding boolean NOT NULL DEFAULT true
);
INSERT INTO line.active DEFAULT VALUES;

CREATE TABLE line.offsets (
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (topic, partition)
);

-- Every fact the tracker has seen or made, once, as its bytes on the wire.
CREATE TABLE line.facts (
    event_id text PRIMARY KEY,
    record text NOT NULL,
    batch_id text,
    item_id text,
    page_id text,
    revision integer NOT NULL,
    cause_id text,
    occurred_at timestamptz NOT NULL,
    value bytea NOT NULL,
    partition integer,
    "offset" bigint
);
CREATE INDEX facts_by_cause ON line.facts (cause_id, record)
    WHERE record IN ('BatchAccepted', 'ItemRegistered');
CREATE INDEX facts_by_item ON line.facts (item_id, record);
CREATE INDEX facts_by_batch ON line.facts (batch_id, occurred_at)
    WHERE record IN ('BatchAccepted', 'ItemRegistered', 'PackagePublished', 'WorkQuarantined', 'ControlDecided');

-- Filled by a rebuild only: what stands on the tracker's own topics and is never decided again.
CREATE TABLE line.decided (
    event_id text PRIMARY KEY,
    record text NOT NULL,
    batch_id text,
    item_id text,
    page_id text,
    revision integer NOT NULL,
    cause_id text,
    occurred_at timestamptz NOT NULL,
    value bytea NOT NULL
);
CREATE INDEX decided_by_item ON line.decided (item_id, record);
CREATE INDEX decided_by_batch ON line.decided (batch_id, record);

CREATE TABLE line.outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    not_before timestamptz,
    topic text NOT NULL,
    key text,
    headers jsonb NOT NULL DEFAULT '[]',
    value bytea NOT NULL,
    page_id text
);
CREATE INDEX outbox_by_page ON line.outbox (page_id) WHERE page_id IS NOT NULL;

CREATE TABLE line.batches (
    batch_id text PRIMARY KEY,
    received_id text,
    manifest_sha256 text,
    received_at timestamptz,
    accepted_id text,
    accepted_at timestamptz,
    item_count integer,
    page_count integer,
    priority text NOT NULL DEFAULT 'normal',
    not_before timestamptz,
    project text,
    operator text,
    paused boolean NOT NULL DEFAULT false,
    cancelled boolean NOT NULL DEFAULT false,
    refused boolean NOT NULL DEFAULT false,
    turned_away boolean NOT NULL DEFAULT false,
    settled boolean NOT NULL DEFAULT false,
    settlements integer NOT NULL DEFAULT 0
);

CREATE TABLE line.items (
    item_id text PRIMARY KEY,
    item_key text NOT NULL UNIQUE,
    batch_id text NOT NULL REFERENCES line.batches,
    registered_id text NOT NULL UNIQUE,
    registered_at timestamptz NOT NULL,
    revision integer NOT NULL,
    page_count integer NOT NULL,
    required text[] NOT NULL,
    title text,
    page_list jsonb NOT NULL,
    profile jsonb NOT NULL,
    cancelled boolean NOT NULL DEFAULT false,
    blocked boolean NOT NULL DEFAULT false,
    held boolean NOT NULL DEFAULT false,
    completed_id text,
    package_id text,
    state text NOT NULL DEFAULT 'registered'
        CHECK (state IN ('registered', 'running', 'held', 'completed', 'packaged', 'cancelled'))
);
CREATE INDEX items_by_batch ON line.items (batch_id, state);

-- Deliveries that were refused as a whole; their pages count as quarantined.
CREATE TABLE line.refused (
    registered_id text PRIMARY KEY,
    batch_id text NOT NULL REFERENCES line.batches,
    item_id text NOT NULL,
    page_count integer NOT NULL,
    quarantine_id text NOT NULL
);
CREATE INDEX refused_by_batch ON line.refused (batch_id);

CREATE TABLE line.pages (
    page_id text PRIMARY KEY,
    item_id text NOT NULL REFERENCES line.items,
    batch_id text NOT NULL,
    ref text NOT NULL,
    sequence integer NOT NULL,
    kind text NOT NULL,
    revision integer NOT NULL,
    capture text,
    entry json NOT NULL,
    admitted_id text,
    admitted_at timestamptz,
    seen_at timestamptz,
    ended boolean NOT NULL DEFAULT false,
    ended_at timestamptz,
    faulty boolean NOT NULL DEFAULT false,
    resolved boolean NOT NULL DEFAULT false,
    state text NOT NULL DEFAULT 'registered'
        CHECK (state IN ('registered', 'admitted', 'ended', 'quarantined', 'packaged', 'cancelled'))
);
CREATE INDEX pages_by_item ON line.pages (item_id);
CREATE INDEX pages_by_batch ON line.pages (batch_id, state);
CREATE INDEX pages_unresolved ON line.pages (item_id) WHERE NOT resolved AND kind <> 'missing';
CREATE INDEX pages_faulty ON line.pages (item_id) WHERE faulty;
CREATE INDEX pages_in_window ON line.pages (batch_id, admitted_at) WHERE state = 'admitted';
CREATE INDEX pages_to_admit ON line.pages (batch_id, item_id, sequence, ref)
    WHERE admitted_id IS NULL AND kind <> 'missing';
CREATE INDEX pages_late ON line.pages (batch_id)
    WHERE admitted_id IS NULL AND kind <> 'missing' AND (ended OR faulty);
CREATE INDEX pages_lately_ended ON line.pages (ended_at) WHERE ended_at IS NOT NULL;

-- Which step has ended for which page; acquire_page is counted like a branch.
CREATE TABLE line.page_branches (
    page_id text NOT NULL,
    revision integer NOT NULL,
    step text NOT NULL,
    event_id text NOT NULL,
    PRIMARY KEY (page_id, revision, step, event_id)
);

CREATE TABLE line.captures (
    capture_id text NOT NULL,
    page_id text,
    event_id text PRIMARY KEY
);
CREATE INDEX captures_by_capture ON line.captures (capture_id);

CREATE TABLE line.packages (
    package_id text PRIMARY KEY,
    batch_id text,
    item_id text NOT NULL,
    revision integer NOT NULL,
    key text NOT NULL,
    sha256 text NOT NULL,
    size_bytes bigint NOT NULL,
    content_digest text NOT NULL,
    published_at timestamptz NOT NULL,
    event_id text NOT NULL,
    state text NOT NULL DEFAULT 'published'
        CHECK (state IN ('published', 'accepted', 'refused', 'superseded'))
);
CREATE INDEX packages_by_item ON line.packages (item_id, revision);

CREATE TABLE line.receipts (
    event_id text PRIMARY KEY,
    package_id text NOT NULL,
    accepted boolean NOT NULL,
    reason text,
    repository text NOT NULL,
    occurred_at timestamptz NOT NULL
);
CREATE INDEX receipts_by_package ON line.receipts (package_id);

CREATE TABLE line.quarantine (
    quarantine_id text PRIMARY KEY,
    batch_id text,
    item_id text,
    page_id text,
    revision integer NOT NULL,
    code text NOT NULL,
    "where" text NOT NULL,
    found text NOT NULL,
    fix text NOT NULL,
    attempts integer NOT NULL,
    resume_at text NOT NULL,
    lane text NOT NULL,
    work_id text NOT NULL,
    required boolean NOT NULL,
    origin_event_id text NOT NULL,
    occurred_at timestamptz NOT NULL,
    diagnostics_count integer NOT NULL,
    diagnostics jsonb NOT NULL,
    state text NOT NULL DEFAULT 'open'
        CHECK (state IN ('open', 'released', 'rejected', 'withdrawn', 'superseded'))
);
CREATE INDEX quarantine_by_batch ON line.quarantine (batch_id);
CREATE INDEX quarantine_by_item ON line.quarantine (item_id) WHERE page_id IS NULL;
CREATE INDEX quarantine_by_page ON line.quarantine (page_id) WHERE page_id IS NOT NULL;
CREATE INDEX quarantine_by_origin ON line.quarantine (origin_event_id);

-- Each of the four counts by its own predicate, none as the remainder of the others
-- (contract: the law that must hold). `announced` are pages of batch.accepted whose item.registered
-- has not been seen yet.
CREATE VIEW line.batch_status AS
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
    CASE WHEN b.accepted_id IS NULL THEN 0 ELSE p.packaged END::bigint AS packaged,
    CASE WHEN b.accepted_id IS NULL THEN 0 ELSE p.quarantined + r.pages END::bigint AS quarantined,
    CASE WHEN b.accepted_id IS NULL THEN 0
         ELSE p.cancelled + CASE WHEN b.cancelled THEN a.announced ELSE 0 END END::bigint AS cancelled,
    CASE WHEN b.accepted_id IS NULL THEN 0
         ELSE p.in_flight + CASE WHEN b.cancelled THEN 0 ELSE a.announced END END::bigint AS in_flight,
    coalesce(b.item_count, 0) AS item_count,
    i.items + r.items AS items_registered,
    b.priority, b.not_before, b.project, b.operator, b.paused, b.settlements,
    b.received_id, b.received_at, b.accepted_at
FROM line.batches b
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE state = 'packaged') AS packaged,
        count(*) FILTER (WHERE state = 'quarantined') AS quarantined,
        count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
        count(*) FILTER (WHERE state IN ('registered', 'admitted', 'ended')) AS in_flight
    FROM line.pages WHERE batch_id = b.batch_id
) p
CROSS JOIN LATERAL (
    SELECT count(*) AS items, coalesce(sum(page_count), 0) AS pages
    FROM line.refused WHERE batch_id = b.batch_id
) r
CROSS JOIN LATERAL (
    SELECT count(*) AS items, coalesce(sum(page_count), 0) AS pages
    FROM line.items WHERE batch_id = b.batch_id
) i
CROSS JOIN LATERAL (SELECT b.page_count - i.pages - r.pages AS announced) a;

GRANT SELECT ON line.batch_status, line.items, line.pages, line.packages, line.quarantine, line.receipts,
    line.offsets TO auditor_ro;
RESET ROLE;
