-- Retries wait in the outbox, perhaps by the hundred thousand: what is due is found without reading them.

SET LOCAL ROLE tracker;

CREATE INDEX outbox_ready ON line.outbox (id) WHERE not_before IS NULL;
CREATE INDEX outbox_waiting ON line.outbox (not_before, id) WHERE not_before IS NOT NULL;

RESET ROLE;
