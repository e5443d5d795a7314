-- name: add
INSERT INTO people.person (name) VALUES (%(name)s) RETURNING 'p-' || number;

-- name: all
SELECT 'p-' || number AS pseudonym, name, added_at FROM people.person ORDER BY number;

-- name: delete
DELETE FROM people.person WHERE 'p-' || number = %(pseudonym)s;
