-- The highest number of a pseudonym that was ever given or used. The tracker raises it from the log, so
-- that a database that was lost and rebuilt gives no number to a second person.
CREATE TABLE people.numbers (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    highest bigint NOT NULL
);
COMMENT ON TABLE people.numbers IS 'The highest number of p-<number> that was given to a person or occurs in the log.';
INSERT INTO people.numbers (highest)
SELECT greatest(
    (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM people.person_number_seq),
    (SELECT max(substring(operator FROM '^p-([0-9]{1,18})$')::bigint) FROM line.batches)
);
ALTER TABLE people.person ALTER COLUMN number DROP IDENTITY;
ALTER TABLE people.person ALTER COLUMN number TYPE bigint;
GRANT SELECT, UPDATE ON people.numbers TO tracker;
