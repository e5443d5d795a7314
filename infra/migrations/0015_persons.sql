-- The register of pseudonyms: which persons a submission or a request may name. It follows from the facts,
-- so it is part of the schema `line`; names stay in people.person, whose rows can be deleted.

SET LOCAL ROLE tracker;

CREATE TABLE line.persons (
    pseudonym     text PRIMARY KEY,
    registered_at timestamptz,
    retired       boolean NOT NULL DEFAULT false,
    senders       text[]
);
COMMENT ON TABLE line.persons IS 'The pseudonyms that facts name or that a request registered.';
COMMENT ON COLUMN line.persons.registered_at IS 'When a request registered it; null if facts only name it.';
COMMENT ON COLUMN line.persons.senders IS 'The senders that may name it; null: any.';
GRANT SELECT ON line.persons TO auditor_ro;
RESET ROLE;

-- A pseudonym of any form may have a name. The row stays when the name is deleted, so that the pseudonym
-- is never given to another person.
ALTER TABLE people.person ADD COLUMN pseudonym text;
UPDATE people.person SET pseudonym = 'p-' || number;
ALTER TABLE people.person DROP COLUMN number;
ALTER TABLE people.person ADD PRIMARY KEY (pseudonym);
ALTER TABLE people.person ALTER COLUMN name DROP NOT NULL;
COMMENT ON TABLE people.person IS 'The names of persons. A name that was deleted is null.';
GRANT UPDATE ON people.person TO tracker;

-- A home from before knows every pseudonym that its log names, and those with a name.
INSERT INTO line.persons (pseudonym)
SELECT pseudonym FROM people.person
UNION
SELECT operator FROM line.batches WHERE operator ~ '^[a-z]-[0-9]+$'
UNION
SELECT agent ->> 'name' FROM audit.events, jsonb_array_elements(agents) AS agent
WHERE agents @> '[{"type": "person"}]' AND agent ->> 'type' = 'person'
    AND agent ->> 'name' ~ '^[a-z]-[0-9]+$';
