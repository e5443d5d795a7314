-- Schema `fixity`: which objects the facts name, when each was last read, and the runs. Objects and
-- owners follow from the facts; a run that was not finished is known here alone.

CREATE SCHEMA fixity AUTHORIZATION tracker;
GRANT USAGE ON SCHEMA fixity TO auditor_ro;
SET LOCAL ROLE tracker;

CREATE TABLE fixity.objects (
    key text PRIMARY KEY,
    sha256 text,
    size_bytes bigint,
    media_type text NOT NULL,
    stored_at timestamptz NOT NULL,
    checked_at timestamptz,
    code text,
    found text,
    quarantine_id text,
    run_id text,
    read_in text
);
COMMENT ON TABLE fixity.objects IS 'One row for each object: its recorded digest, and the result of the last reading.';
COMMENT ON COLUMN fixity.objects.sha256 IS 'Recorded digest; of a receipt, which ends with its own, that of the first reading.';
COMMENT ON COLUMN fixity.objects.code IS 'Why the last reading failed; null when the object was intact.';
COMMENT ON COLUMN fixity.objects.run_id IS 'The last run that selected the object.';
COMMENT ON COLUMN fixity.objects.read_in IS 'The last run that read it.';
CREATE INDEX objects_by_run ON fixity.objects (run_id);
CREATE INDEX objects_by_digest ON fixity.objects (sha256);
CREATE INDEX objects_by_age ON fixity.objects ((coalesce(checked_at, stored_at)));
CREATE INDEX objects_failed ON fixity.objects (key) WHERE code IS NOT NULL;

-- An empty batch or item means none, so that the two can be part of a key.
CREATE TABLE fixity.owners (
    batch_id text NOT NULL,
    item_id text NOT NULL,
    key text NOT NULL REFERENCES fixity.objects,
    page_id text,
    use text NOT NULL,
    PRIMARY KEY (batch_id, item_id, key)
);
CREATE INDEX owners_by_key ON fixity.owners (key);

CREATE TABLE fixity.facts_read (
    event_id text PRIMARY KEY
);

CREATE TABLE fixity.runs (
    run_id text PRIMARY KEY,
    scope text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
CREATE UNIQUE INDEX one_open_run ON fixity.runs ((finished_at IS NULL)) WHERE finished_at IS NULL;

CREATE TABLE fixity.subjects_done (
    run_id text NOT NULL REFERENCES fixity.runs,
    batch_id text NOT NULL,
    item_id text NOT NULL,
    objects integer NOT NULL,
    failed integer NOT NULL,
    size_bytes bigint NOT NULL,
    PRIMARY KEY (run_id, batch_id, item_id)
);

-- The bytes of a fact are durable before it is published, so that a repetition publishes the same.
CREATE TABLE fixity.facts_made (
    event_id text PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY,
    value bytea NOT NULL,
    published boolean NOT NULL DEFAULT false
);
CREATE INDEX facts_not_published ON fixity.facts_made (number) WHERE NOT published;

GRANT SELECT ON fixity.objects, fixity.owners, fixity.runs, fixity.subjects_done TO auditor_ro;
RESET ROLE;
