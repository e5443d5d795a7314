-- Empties the copy of the audit log, which is projected again from its first record. For a superuser:
-- the triggers that refuse changes do not fire for a replica.
SET LOCAL session_replication_role = replica;
TRUNCATE audit.events, audit.time_ranges;
UPDATE audit.projector_position SET last_seq = -1, next_offset = 0, topic = NULL;
