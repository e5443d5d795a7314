-- Queries about published packages, by name.

-- name: list
SELECT package_id, batch_id, item_id, revision, key, sha256, size_bytes, content_digest,
    published_at, state,
    coalesce((SELECT v.missing_pages FROM line.earlier_versions v WHERE v.package_id = k.package_id),
        (SELECT count(*) FROM line.pages p
            WHERE p.item_id = k.item_id AND p.kind = 'missing' AND NOT p.not_a_page)) AS missing_pages
FROM line.packages k
WHERE (%(batch)s::text IS NULL OR batch_id = %(batch)s)
    AND (%(item)s::text IS NULL OR lower(item_id) = lower(%(item)s))
    AND (%(state)s::text IS NULL OR state = %(state)s)
    AND (%(code)s::text IS NULL OR EXISTS (
        SELECT FROM line.quarantine q
        WHERE q.item_id = k.item_id AND q.code = %(code)s))
    AND (%(since)s::timestamptz IS NULL OR published_at >= %(since)s)
    AND (%(unanswered_for)s::interval IS NULL
        OR state = 'published' AND published_at <= now() - %(unanswered_for)s)
ORDER BY published_at, package_id LIMIT %(limit)s;

-- name: show
SELECT package_id, batch_id, item_id, revision, key, sha256, size_bytes, content_digest,
    published_at, state,
    coalesce((SELECT v.missing_pages FROM line.earlier_versions v WHERE v.package_id = k.package_id),
        (SELECT count(*) FROM line.pages p
            WHERE p.item_id = k.item_id AND p.kind = 'missing' AND NOT p.not_a_page)) AS missing_pages
FROM line.packages k WHERE package_id = %(package_id)s;

-- name: answers
SELECT event_id, repository, accepted, reason, occurred_at FROM line.receipts
WHERE package_id = %(package_id)s ORDER BY occurred_at DESC, event_id;

-- name: unanswered
SELECT count(*) AS count, min(published_at) AS oldest FROM line.packages
WHERE state = 'published' AND published_at <= now() - %(unanswered_for)s;
