-- How batches stand, at a cost that follows the work under way and not all that was ever packaged.

SET LOCAL ROLE tracker;

CREATE INDEX pages_in_flight ON line.pages (batch_id) WHERE state IN ('registered', 'admitted', 'ended');
CREATE INDEX pages_quarantined ON line.pages (batch_id) WHERE state = 'quarantined';
DROP INDEX line.pages_by_batch;
CREATE INDEX packages_by_batch ON line.packages (batch_id);
CREATE INDEX packages_unanswered ON line.packages (published_at) WHERE state = 'published';

RESET ROLE;

-- The view asks a little of many batches; compiling it took longer than running it.
ALTER ROLE tracker SET jit = off;
ALTER ROLE auditor_ro SET jit = off;
