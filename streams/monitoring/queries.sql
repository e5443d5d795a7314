-- What status and the watchdog ask of the schema line.

-- name: batch_figures
SELECT batch_id, state, registered, packaged, quarantined, cancelled, in_flight
FROM line.batch_status
ORDER BY received_at, batch_id;

-- name: waiting_retries
SELECT headers -> 0 ->> 1 AS step, count(*) AS waiting, min(not_before) AS next
FROM line.outbox
WHERE not_before IS NOT NULL
GROUP BY 1
ORDER BY 1;

-- name: quiet_batches
SELECT batch_id, since, waits_for
FROM line.quiet_batches
WHERE since < now() - %(minutes)s * interval '1 minute'
ORDER BY since, batch_id;

-- name: failed_objects
SELECT count(*) AS open FROM line.quarantine WHERE resume_at = 'fixity' AND state = 'open';

-- name: untaken_orders
SELECT order_id, placed_at, content ->> 'due' AS due FROM line.order_states
WHERE state = 'open' AND placed_at < now() - %(hours)s * interval '1 hour'
ORDER BY placed_at, order_id;

-- name: registered_persons
SELECT count(*) AS persons FROM line.persons WHERE registered_at IS NOT NULL;
