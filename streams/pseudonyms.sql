-- name: add
WITH next AS (
    UPDATE people.numbers SET highest = highest + 1
    WHERE NOT (SELECT rebuilding FROM line.active)
    RETURNING highest
)
INSERT INTO people.person (number, name) SELECT highest, %(name)s FROM next RETURNING 'p-' || number;

-- name: all
SELECT 'p-' || number AS pseudonym, name, added_at FROM people.person ORDER BY number;

-- name: delete
DELETE FROM people.person WHERE 'p-' || number = %(pseudonym)s;
