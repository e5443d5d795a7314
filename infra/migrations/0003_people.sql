-- Names of persons, outside the log: the log knows pseudonyms alone, and a row here can be deleted.
CREATE SCHEMA people;
CREATE TABLE people.person (
    number   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name     text NOT NULL CHECK (name <> ''),
    added_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE people.person IS 'Who p-<number> is. A number is given once, also after its row was deleted.';
REVOKE ALL ON SCHEMA people FROM PUBLIC;
GRANT USAGE ON SCHEMA people TO tracker;
GRANT SELECT, INSERT, DELETE ON people.person TO tracker;
