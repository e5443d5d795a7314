-- name: add
WITH next AS (
    UPDATE people.numbers SET highest = highest + 1
    WHERE NOT (SELECT rebuilding FROM line.active)
    RETURNING highest
)
INSERT INTO people.person (pseudonym, name)
SELECT 'p-' || highest, %(name)s FROM next RETURNING pseudonym;

-- A pseudonym that has the name of another person, or of one whose name was deleted, gives no row.
-- name: claim
WITH counted AS (
    UPDATE people.numbers SET highest = greatest(highest, substring(%(pseudonym)s FROM '^p-([0-9]{1,18})$')::bigint)
)
INSERT INTO people.person (pseudonym, name) VALUES (%(pseudonym)s, %(name)s)
ON CONFLICT (pseudonym) DO UPDATE SET name = EXCLUDED.name WHERE people.person.name = EXCLUDED.name
RETURNING xmax = 0;

-- name: all
SELECT pseudonym, n.name, coalesce(n.added_at, p.registered_at) AS added_at,
    CASE WHEN p.retired THEN 'retired' WHEN p.registered_at IS NOT NULL THEN 'registered' ELSE 'named' END AS state,
    p.senders
FROM line.persons p FULL JOIN people.person n USING (pseudonym)
WHERE n.name IS NOT NULL OR p.registered_at IS NOT NULL OR p.retired
ORDER BY added_at, length(pseudonym), pseudonym;

-- name: delete
UPDATE people.person SET name = NULL WHERE pseudonym = %(pseudonym)s AND name IS NOT NULL;

-- name: remove
DELETE FROM people.person WHERE pseudonym = %(pseudonym)s;
