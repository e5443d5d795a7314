-- Indexes, views and comments for the questions that auditors ask.
-- An index on a partitioned table is made on every partition that exists, and on each one to come.

SET LOCAL ROLE audit_owner;

CREATE INDEX events_event_type ON audit.events (event_type, seq);
-- Few events have a code or another outcome than success, so these two cost little.
CREATE INDEX events_outcome ON audit.events (outcome, seq) WHERE outcome <> 'suc';
CREATE INDEX events_code ON audit.events (code, seq) WHERE code IS NOT NULL;
CREATE INDEX events_agents ON audit.events USING gin (agents jsonb_path_ops);
CREATE INDEX events_objects ON audit.events USING gin (sources, results);
-- The log is almost in the order of time, so the least and greatest time of each 32 pages are enough.
CREATE INDEX events_occurred_at ON audit.events USING brin (occurred_at)
    WITH (pages_per_range = 32, autosummarize = on);

-- The times of the events in each range of 20,000 that is full. A question about a time leaves out the
-- ranges, and so the partitions, that are known not to have it; what has no row here is always read.
CREATE TABLE audit.time_ranges (
    first_seq bigint PRIMARY KEY,
    last_seq  bigint NOT NULL,
    earliest  timestamptz NOT NULL,
    latest    timestamptz NOT NULL
);
COMMENT ON TABLE audit.time_ranges IS 'The times of the events in each range of 20,000 seqs.';
COMMENT ON COLUMN audit.time_ranges.first_seq IS 'First seq of the range.';
COMMENT ON COLUMN audit.time_ranges.last_seq IS 'Last seq of the range.';
COMMENT ON COLUMN audit.time_ranges.earliest IS 'Earliest occurred_at in the range.';
COMMENT ON COLUMN audit.time_ranges.latest IS 'Latest occurred_at in the range.';

-- Notes the times of the full ranges behind the last one that is noted.
CREATE FUNCTION audit.note_times() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog AS $$
DECLARE
    width CONSTANT bigint := 20000;
    noted bigint;
    start bigint;
BEGIN
    SELECT coalesce(max(last_seq) + 1, 0) INTO noted FROM audit.time_ranges;
    FOR start IN
        SELECT part * width
        FROM audit.projector_position, generate_series(noted / width, (last_seq + 1) / width - 1) AS part
    LOOP
        INSERT INTO audit.time_ranges
        SELECT start, start + width - 1, min(occurred_at), max(occurred_at)
        FROM audit.events WHERE seq >= start AND seq < start + width
        HAVING count(*) = width;
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION audit.note_times() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.note_times() TO projector;
SELECT audit.note_times();

-- The last seq that was sealed at a time; -1 if none was. sealed_at never goes back, so a search by
-- halves needs no index of its own.
CREATE FUNCTION audit.last_seq_at(moment timestamptz) RETURNS bigint LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog AS $$
DECLARE
    low bigint := -1;
    high bigint;
    middle bigint;
    early boolean;
BEGIN
    SELECT last_seq INTO high FROM audit.projector_position;
    WHILE low < high LOOP
        middle := (low + high + 1) / 2;
        SELECT sealed_at <= moment INTO early FROM audit.event WHERE seq = middle;
        IF coalesce(early, false) THEN
            low := middle;
        ELSE
            high := middle - 1;
        END IF;
    END LOOP;
    RETURN low;
END $$;
COMMENT ON FUNCTION audit.last_seq_at IS 'The last seq that was sealed at a time, or -1: what was known then is seq <= last_seq_at(time).';
REVOKE ALL ON FUNCTION audit.last_seq_at(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.last_seq_at(timestamptz) TO auditor_ro;

CREATE VIEW audit.failure AS
    SELECT seq, event_id, occurred_at, event_type, outcome, code, detail, batch_id, item_id, page_id,
           producer_name, producer_version
    FROM audit.events WHERE outcome <> 'suc';

CREATE VIEW audit.event_agent AS
    SELECT e.seq, e.event_id, e.occurred_at, e.event_type, e.outcome, e.batch_id, e.item_id, e.page_id,
           a.agent ->> 'type' AS agent_type, a.agent ->> 'name' AS agent_name,
           a.agent ->> 'version' AS agent_version, a.agent ->> 'role' AS agent_role, e.agents
    FROM audit.events e CROSS JOIN LATERAL jsonb_array_elements(e.agents) AS a (agent);

CREATE VIEW audit.event_object AS
    SELECT e.seq, e.event_id, e.occurred_at, e.event_type, e.outcome, e.batch_id, e.item_id, e.page_id,
           o.object, o.role, e.sources, e.results
    FROM audit.events e CROSS JOIN LATERAL (
        SELECT unnest(e.sources), 'source' UNION ALL SELECT unnest(e.results), 'result'
    ) AS o (object, role);

CREATE VIEW audit.fixity_check AS
    SELECT seq, event_id, occurred_at, outcome, code, detail, batch_id, item_id, page_id, sources, results, agents
    FROM audit.events WHERE event_type = 'fixity check';

COMMENT ON VIEW audit.failure IS 'The events whose outcome is not success.';
COMMENT ON VIEW audit.event_agent IS 'One row for each event and agent. Fast with agents @> ''[{"name": "p-4"}]''.';
COMMENT ON VIEW audit.event_object IS 'One row for each event and object. Fast with sources @> ''{sha256:...}'' or results @> ''{sha256:...}''.';
COMMENT ON VIEW audit.fixity_check IS 'The fixity checks.';

-- The same column has the same meaning in each view.
DO $$
DECLARE
    named text[];
    relation text;
BEGIN
    FOREACH named SLICE 1 IN ARRAY ARRAY[
        ['seq', 'Number of the event in the log, from 0 without a gap.'],
        ['sealed_at', 'When the sealer gave the event its number.'],
        ['event_id', 'Id of the event.'],
        ['cause_id', 'event_id of the fact from which the event was made.'],
        ['batch_id', 'Batch that the event is about, if any.'],
        ['item_id', 'Item that the event is about, if any.'],
        ['page_id', 'Page that the event is about, if any.'],
        ['revision', 'Revision of the subject, from 1.'],
        ['occurred_at', 'When it happened, by the clock of the program that did it.'],
        ['fact', 'Record name of the fact from which the event was made.'],
        ['ordinal', 'Place of the event among those of its fact; 0 is the transition.'],
        ['event_type', 'PREMIS event type: a label of id.loc.gov or of docs/vocabulary.ttl.'],
        ['event_type_uri', 'URI of the event type.'],
        ['outcome', 'suc (success), war (success with a warning) or fai (failure).'],
        ['code', 'Code of an error or a warning; docs/errors.md explains it.'],
        ['detail', 'What happened, in words.'],
        ['agents', 'Who took part: a list of type, name, version and role.'],
        ['sources', 'Objects that were used: sha256:<hex> for a file, else page:, item: or batch: and an id.'],
        ['results', 'Objects that were made, in the same form.'],
        ['producer_name', 'Program that made the fact.'],
        ['producer_version', 'Version of that program.'],
        ['schema_sha256', 'SHA-256 of the Avro schema of body.'],
        ['body', 'The sealed Avro body, from which all other columns follow.'],
        ['agent_type', 'software, hardware, organization or person.'],
        ['agent_name', 'Name of the agent; a person is a pseudonym.'],
        ['agent_version', 'Version of a software, a model or a firmware.'],
        ['agent_role', 'executing program, implementer, authorizer or validator.'],
        ['object', 'The object.'],
        ['role', 'source or result.']
    ] LOOP
        FOREACH relation IN ARRAY ARRAY['event', 'failure', 'event_agent', 'event_object', 'fixity_check'] LOOP
            IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = format('audit.%I', relation)::regclass
                       AND attname = named[1]) THEN
                EXECUTE format('COMMENT ON COLUMN audit.%I.%I IS %L', relation, named[1], named[2]);
            END IF;
        END LOOP;
    END LOOP;
END $$;

GRANT SELECT ON audit.failure, audit.event_agent, audit.event_object, audit.fixity_check,
    audit.time_ranges TO auditor_ro;

RESET ROLE;
