-- What a station reads from the tracker's tables, by name.

-- name: batch_status
SELECT state, registered, packaged, quarantined, cancelled, in_flight, received_id
FROM line.batch_status WHERE batch_id = %(batch_id)s;

-- name: open_records
SELECT to_jsonb(q) AS record FROM line.quarantine q
WHERE q.batch_id = %(batch_id)s AND q.state = 'open' ORDER BY q.occurred_at, q.quarantine_id;

-- name: record
SELECT to_jsonb(q) AS record FROM line.quarantine q WHERE q.quarantine_id = %(quarantine_id)s;

-- name: known_items
SELECT item_id, batch_id FROM line.items WHERE lower(item_id) = ANY(%(item_ids)s);

-- name: person
SELECT EXISTS (SELECT FROM line.persons WHERE registered_at IS NOT NULL) AS binds,
    p.pseudonym IS NOT NULL AS known, coalesce(p.retired, false) AS retired, p.senders
FROM (VALUES (%(pseudonym)s::text)) v (pseudonym) LEFT JOIN line.persons p USING (pseudonym);

-- name: latest_version
SELECT i.revision, i.state, i.page_list - 'use' AS page_list, (
    SELECT coalesce(jsonb_agg(p.entry || jsonb_build_object('withdrawn', p.withdrawn)
        ORDER BY p.sequence, p.ref COLLATE "C"), '[]')
    FROM line.pages p WHERE p.item_id = i.item_id AND NOT p.not_a_page
) AS pages
FROM line.items i WHERE i.item_id = %(item_id)s;
