-- Free text that persons write: reasons of decisions and of repositories. The log has a keyed digest of
-- each, and the key is here beside the text: without this row the digest says nothing.
CREATE TABLE people.texts (
    digest      text PRIMARY KEY CHECK (digest ~ '^[0-9a-f]{64}$'),
    key         bytea CHECK (octet_length(key) = 32),
    text        text,
    written_by  text NOT NULL,
    stored_at   timestamptz NOT NULL DEFAULT now(),
    source      text UNIQUE,
    used        boolean NOT NULL DEFAULT false,
    deleted_at  timestamptz,
    deletion_id text,
    CHECK ((text IS NULL) = (deleted_at IS NOT NULL) AND (key IS NULL) = (text IS NULL))
);
CREATE INDEX texts_by_writer ON people.texts (written_by);
CREATE INDEX texts_unused ON people.texts (stored_at) WHERE NOT used;
COMMENT ON TABLE people.texts IS 'Free text of persons. A deleted text leaves its digest and the time of the deletion.';
COMMENT ON COLUMN people.texts.digest IS 'HMAC-SHA-256 of the text under the key, as in text:hmac-sha256:<digest> in facts and events.';
COMMENT ON COLUMN people.texts.key IS 'Random key of this text alone; deleted with it.';
COMMENT ON COLUMN people.texts.written_by IS 'Pseudonym of the person, or name of the repository.';
COMMENT ON COLUMN people.texts.source IS 'Id of the message that brought the text, so that a second delivery gives the same digest.';
COMMENT ON COLUMN people.texts.used IS 'Whether a fact has the digest. A text that no fact uses is removed after 30 days.';
COMMENT ON COLUMN people.texts.deletion_id IS 'event_id of the decision to delete the text.';
-- Statistics of the planner would keep a copy of frequent values.
ALTER TABLE people.texts ALTER COLUMN text SET STATISTICS 0;
ALTER TABLE people.texts ALTER COLUMN key SET STATISTICS 0;
-- The owner may rewrite the table (VACUUM FULL), so that no file of it holds a deleted text.
ALTER TABLE people.texts OWNER TO tracker;
GRANT USAGE ON SCHEMA people TO auditor_ro;
GRANT SELECT ON people.texts TO auditor_ro;
