-- Schema `review`: what models suggest about pages, and what persons decided about it. Suggestions
-- follow from the topic of page.analyzed, decisions from requests; nothing in the line reads them.

CREATE SCHEMA review AUTHORIZATION tracker;
GRANT USAGE ON SCHEMA review TO auditor_ro;
SET LOCAL ROLE tracker;

CREATE TABLE review.offsets (
    topic       text NOT NULL,
    partition   integer NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (topic, partition)
);
COMMENT ON TABLE review.offsets IS 'Up to where the role enrichment has read its topics.';

CREATE TABLE review.models (
    model          text PRIMARY KEY,
    version        text NOT NULL,
    weights_sha256 text NOT NULL
);
COMMENT ON TABLE review.models IS 'The models that were installed when the role enrichment last started.';

CREATE TABLE review.items (
    event_id     text PRIMARY KEY,
    batch_id     text NOT NULL,
    item_id      text NOT NULL,
    revision     integer NOT NULL,
    page_count   integer NOT NULL,
    completed_at timestamptz NOT NULL,
    value        bytea NOT NULL
);
CREATE INDEX items_by_item ON review.items (item_id, revision);
COMMENT ON TABLE review.items IS 'Completed items, with the bytes of item.completed.';

CREATE TABLE review.reruns (
    decision_id text PRIMARY KEY,
    model       text NOT NULL,
    batch_id    text,
    asked_at    timestamptz NOT NULL,
    expanded    boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE review.reruns IS 'Decisions to run a model again, over one batch or all items.';

CREATE TABLE review.work (
    number        bigint GENERATED ALWAYS AS IDENTITY,
    cause_id      text NOT NULL,
    item_event_id text NOT NULL REFERENCES review.items,
    model         text NOT NULL,
    asked_at      timestamptz NOT NULL,
    done          boolean NOT NULL DEFAULT false,
    PRIMARY KEY (cause_id, item_event_id)
);
CREATE INDEX work_waiting ON review.work (number) WHERE NOT done;
COMMENT ON TABLE review.work IS 'Items whose pages are to be looked at, by one model or (empty) by all.';

CREATE TABLE review.switches (
    only_row       boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    paused         boolean NOT NULL DEFAULT false,
    dropped_before timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO review.switches DEFAULT VALUES;
COMMENT ON TABLE review.switches IS 'Whether work is paused, and until when what was asked for is dropped.';

-- The bytes of a fact are durable before it is published, so that a repetition publishes the same.
CREATE TABLE review.analyses (
    event_id      text PRIMARY KEY,
    number        bigint GENERATED ALWAYS AS IDENTITY,
    page_id       text NOT NULL,
    analyzed_at   timestamptz NOT NULL,
    value         bytea
);
CREATE INDEX analyses_not_published ON review.analyses (number) WHERE value IS NOT NULL;
COMMENT ON TABLE review.analyses IS 'The pages that were looked at; the bytes of the fact until it is published.';

CREATE TABLE review.latest_runs (
    page_id        text NOT NULL,
    model          text NOT NULL,
    number         bigint NOT NULL,
    version        text NOT NULL,
    weights_sha256 text NOT NULL,
    master_sha256  text NOT NULL,
    PRIMARY KEY (page_id, model)
);
COMMENT ON TABLE review.latest_runs IS 'The last run of each model on each page that ended.';

CREATE TABLE review.suggestions (
    suggestion_id  text PRIMARY KEY,
    number         bigint GENERATED ALWAYS AS IDENTITY,
    event_id       text NOT NULL,
    batch_id       text NOT NULL,
    item_id        text NOT NULL,
    page_id        text NOT NULL,
    master_sha256  text NOT NULL,
    model          text NOT NULL,
    version        text NOT NULL,
    weights_sha256 text NOT NULL,
    kind           text NOT NULL,
    label          text NOT NULL,
    term_uri       text NOT NULL,
    vocabulary     text NOT NULL,
    score          double precision NOT NULL,
    box            integer[] NOT NULL,
    evidence       text[] NOT NULL,
    suggested_at   timestamptz NOT NULL
);
CREATE UNIQUE INDEX suggestions_by_number ON review.suggestions (number);
CREATE INDEX suggestions_by_page ON review.suggestions (page_id, kind);
CREATE INDEX suggestions_by_batch ON review.suggestions (batch_id, kind);
CREATE INDEX suggestions_by_item ON review.suggestions (lower(item_id));
CREATE INDEX suggestions_by_model ON review.suggestions (model, kind, label);
COMMENT ON TABLE review.suggestions IS 'What models suggest. The same weights give the same suggestion_id for the same master of a page.';
COMMENT ON COLUMN review.suggestions.evidence IS 'Words of the text, or measures, that led to the suggestion.';

CREATE TABLE review.decisions (
    suggestion_id text PRIMARY KEY,
    decision_id   text NOT NULL,
    action        text NOT NULL CHECK (action IN ('accept', 'reject', 'edit')),
    label         text,
    term_uri      text,
    vocabulary    text,
    decided_by    text NOT NULL,
    decided_at    timestamptz NOT NULL
);
COMMENT ON TABLE review.decisions IS 'The last decision about each suggestion; earlier ones are in the audit log.';
COMMENT ON COLUMN review.decisions.label IS 'What the person wrote in the place of the suggestion, for an edit.';

CREATE FUNCTION review.same_place(a integer[], b integer[]) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT (a = '{}' AND b = '{}') OR coalesce(
        2 * greatest(0, least(a[1] + a[3], b[1] + b[3]) - greatest(a[1], b[1]))::bigint
          * greatest(0, least(a[2] + a[4], b[2] + b[4]) - greatest(a[2], b[2]))
        >= least(a[3]::bigint * a[4], b[3]::bigint * b[4]), false)
$$;
COMMENT ON FUNCTION review.same_place IS 'Whether two boxes have half of the smaller one in common, or both are the complete page.';

-- A decision counts for later versions of its model. A person decides once about the kind of writing
-- and the script of a page, whichever model suggests them.
CREATE VIEW review.suggestion_states AS
SELECT s.*, d.decision_id, d.decided_by, d.decided_at, d.label AS edited_label,
    d.term_uri AS edited_term_uri, d.vocabulary AS edited_vocabulary,
    CASE
        WHEN d.action = 'accept' THEN 'accepted'
        WHEN d.action = 'edit' THEN 'edited'
        WHEN d.action = 'reject' OR other.rejected THEN 'rejected'
        WHEN other.settled OR latest.model IS NULL THEN 'superseded'
        ELSE 'open'
    END AS state
FROM review.suggestions s
LEFT JOIN review.decisions d USING (suggestion_id)
LEFT JOIN review.latest_runs latest ON latest.page_id = s.page_id AND latest.model = s.model
    AND latest.version = s.version AND latest.weights_sha256 = s.weights_sha256
    AND latest.master_sha256 = s.master_sha256
LEFT JOIN LATERAL (
    SELECT bool_or(e.action = 'reject' AND same_label) AS rejected,
        bool_or(e.action <> 'reject' AND (same_label OR s.kind IN ('writing', 'script'))) AS settled
    FROM review.suggestions o JOIN review.decisions e USING (suggestion_id)
    CROSS JOIN LATERAL (SELECT o.model = s.model AND o.label = s.label AND o.term_uri = s.term_uri
        AND review.same_place(o.box, s.box) AS same_label) AS compared
    WHERE o.page_id = s.page_id AND o.kind = s.kind AND o.suggestion_id <> s.suggestion_id
) other ON true;
COMMENT ON VIEW review.suggestion_states IS 'Suggestions with their states.';

GRANT SELECT ON review.models, review.items, review.work, review.switches, review.latest_runs,
    review.suggestions, review.decisions, review.suggestion_states TO auditor_ro;
RESET ROLE;
