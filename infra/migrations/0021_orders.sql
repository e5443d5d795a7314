-- Capture orders. They follow from requests and decisions, so they are part of the schema `line`. The notes are a
-- reference to a free text, which can be deleted.

SET LOCAL ROLE tracker;

CREATE TABLE line.orders (
    order_id    text PRIMARY KEY,
    content     jsonb NOT NULL,
    notes       text NOT NULL,
    placed_by   text NOT NULL,
    placed_at   timestamptz NOT NULL,
    assigned_to text,
    assigned_at timestamptz,
    closed_at   timestamptz
);
COMMENT ON TABLE line.orders IS 'What persons ordered to be captured.';
COMMENT ON COLUMN line.orders.content IS 'Items, profile, device class, due date and priority.';
COMMENT ON COLUMN line.orders.notes IS 'Reference to the handling notes in people.texts, or empty.';
COMMENT ON COLUMN line.orders.assigned_to IS 'The station that has it, as the name of its sender.';

CREATE TABLE line.order_batches (
    order_id    text NOT NULL,
    batch_id    text NOT NULL,
    accepted_at timestamptz NOT NULL,
    PRIMARY KEY (order_id, batch_id)
);
COMMENT ON TABLE line.order_batches IS 'The accepted batches whose manifests name an order.';

CREATE VIEW line.order_states AS
SELECT o.*, b.batches, CASE
    WHEN o.closed_at IS NOT NULL THEN 'closed'
    WHEN b.batches <> '{}' THEN 'started'
    WHEN o.assigned_to IS NOT NULL THEN 'assigned'
    ELSE 'open' END AS state
FROM line.orders o CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(batch_id ORDER BY batch_id), '{}') AS batches
    FROM line.order_batches WHERE order_id = o.order_id) b;
COMMENT ON VIEW line.order_states IS 'Orders with their states and batches.';
GRANT SELECT ON line.orders, line.order_batches, line.order_states TO auditor_ro;
RESET ROLE;
