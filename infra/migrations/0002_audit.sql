-- The audit log as auditors read it: a projection of audit.premis that nobody may change.
-- Everything belongs to a role that cannot log in; only a superuser could bypass it, and the seal tells.
CREATE SCHEMA audit AUTHORIZATION audit_owner;
REVOKE ALL ON SCHEMA audit FROM PUBLIC;
GRANT USAGE ON SCHEMA audit TO projector, auditor_ro;

SET LOCAL ROLE audit_owner;

CREATE TABLE audit.events (
    seq              bigint PRIMARY KEY CHECK (seq >= 0),
    sealed_at        timestamptz NOT NULL,
    schema_sha256    bytea NOT NULL CHECK (octet_length(schema_sha256) = 32),
    body             bytea NOT NULL,
    event_id         uuid NOT NULL,
    cause_id         uuid,
    batch_id         text,
    item_id          text,
    page_id          text,
    revision         integer NOT NULL,
    occurred_at      timestamptz NOT NULL,
    fact             text NOT NULL,
    ordinal          integer NOT NULL,
    event_type       text NOT NULL,
    event_type_uri   text NOT NULL,
    outcome          text NOT NULL,
    code             text,
    detail           text NOT NULL,
    agents           jsonb NOT NULL,
    sources          text[] NOT NULL,
    results          text[] NOT NULL,
    producer_name    text NOT NULL,
    producer_version text NOT NULL
) PARTITION BY RANGE (seq);
-- event_id cannot be UNIQUE here (a partitioned table wants seq in it); the projector's demand that
-- seq is the last one + 1, of a log in which the sealer puts every id once, makes it so.
CREATE INDEX events_event_id ON audit.events (event_id);
CREATE INDEX events_page_id ON audit.events (page_id) WHERE page_id IS NOT NULL;
CREATE INDEX events_item_id ON audit.events (item_id, (page_id IS NULL)) WHERE item_id IS NOT NULL;
CREATE INDEX events_batch_id ON audit.events (batch_id, (item_id IS NULL)) WHERE batch_id IS NOT NULL;
COMMENT ON TABLE audit.events IS 'One row for each sealed event; body is its Avro body, as in its leaf.';

CREATE TABLE audit.projector_position (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    last_seq    bigint NOT NULL CHECK (last_seq >= -1),
    next_offset bigint NOT NULL CHECK (next_offset >= 0)
);
INSERT INTO audit.projector_position VALUES (true, -1, 0);
COMMENT ON TABLE audit.projector_position IS 'The last seq in audit.events, and where to read on.';

CREATE FUNCTION audit.refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is only added to: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.events
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

-- Makes the partition of the next seq and the one after it, each of a million, and does nothing else.
CREATE FUNCTION audit.make_partitions() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog AS $$
DECLARE
    million CONSTANT bigint := 1000000;
    first bigint;
    name text;
BEGIN
    FOR first IN
        SELECT ((last_seq + 1) / million + ahead) * million
        FROM audit.projector_position, generate_series(0, 1) AS ahead
    LOOP
        name := format('events_%s', lpad((first / million)::text, 6, '0'));
        CONTINUE WHEN to_regclass(format('audit.%I', name)) IS NOT NULL;
        EXECUTE format('CREATE TABLE audit.%I PARTITION OF audit.events FOR VALUES FROM (%s) TO (%s)',
                       name, first, first + million);
        -- A statement trigger of the parent does not fire when a partition is named directly.
        EXECUTE format('CREATE TRIGGER only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.%I'
                       ' FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()', name);
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION audit.make_partitions() FROM PUBLIC;
REVOKE ALL ON FUNCTION audit.refuse_change() FROM PUBLIC;
SELECT audit.make_partitions();

CREATE VIEW audit.event AS
    SELECT seq, sealed_at, event_id, cause_id, batch_id, item_id, page_id, revision, occurred_at, fact,
           ordinal, event_type, event_type_uri, outcome, code, detail, agents, sources, results,
           producer_name, producer_version, schema_sha256, body
    FROM audit.events;
COMMENT ON VIEW audit.event IS 'The sealed PREMIS events, as auditors read them.';

GRANT SELECT, INSERT ON audit.events TO projector;
GRANT SELECT, UPDATE (last_seq, next_offset) ON audit.projector_position TO projector;
GRANT EXECUTE ON FUNCTION audit.make_partitions() TO projector;
GRANT SELECT ON audit.event, audit.projector_position TO auditor_ro;

RESET ROLE;

ALTER ROLE auditor_ro SET default_transaction_read_only = on;
ALTER ROLE auditor_ro SET statement_timeout = '10min';
ALTER ROLE auditor_ro CONNECTION LIMIT 20;
DO $$ BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO tracker', current_database());
END $$;
