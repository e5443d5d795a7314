-- name: put
-- The message of a source is on Kafka, and what follows from it has the digest.
INSERT INTO people.texts (digest, key, text, written_by, source, used)
VALUES (%(digest)s, %(key)s, %(text)s, %(written_by)s, %(source)s, %(source)s::text IS NOT NULL)
ON CONFLICT (source) DO NOTHING;

-- name: of_source
SELECT digest FROM people.texts WHERE source = %(source)s;

-- name: find
SELECT digest, key, text, written_by, stored_at, deleted_at, deletion_id FROM people.texts
WHERE digest = ANY (%(digests)s);

-- name: list
SELECT digest, key, text, written_by, stored_at, deleted_at, deletion_id FROM people.texts
WHERE %(written_by)s::text IS NULL OR written_by = %(written_by)s ORDER BY stored_at, digest;

-- name: mark_used
UPDATE people.texts SET used = true WHERE digest = %(digest)s AND NOT used;

-- name: delete
-- The digest stays, so that the log is shown with the time of the deletion. A rebuild deletes again
-- what a backup brought back.
INSERT INTO people.texts (digest, written_by, stored_at, used, deleted_at, deletion_id)
VALUES (%(digest)s, 'unknown', %(deleted_at)s, true, %(deleted_at)s, %(deletion_id)s)
ON CONFLICT (digest) DO UPDATE
SET key = NULL, text = NULL, source = NULL, used = true, deleted_at = EXCLUDED.deleted_at,
    deletion_id = EXCLUDED.deletion_id
WHERE people.texts.deleted_at IS NULL;

-- name: remove_unused
DELETE FROM people.texts WHERE NOT used AND stored_at < now() - interval '30 days';

-- name: wait_briefly
SET lock_timeout = '5s';

-- name: rewrite
VACUUM FULL people.texts;
