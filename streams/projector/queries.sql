-- What the projector asks of the schema audit.

-- name: make_partitions
SELECT audit.make_partitions();

-- name: note_times
SELECT audit.note_times();

-- name: position
SELECT last_seq, next_offset, topic FROM audit.projector_position;

-- name: advance_position
-- The row lock also holds off a second projector until this transaction ends.
UPDATE audit.projector_position
SET last_seq = %(last_seq)s, next_offset = %(next_offset)s, topic = %(topic)s
WHERE last_seq = %(last_seq_before)s AND next_offset = %(next_offset_before)s
  AND topic IS NOT DISTINCT FROM %(topic_before)s;

-- name: lock_position
SELECT FROM audit.projector_position FOR UPDATE;

-- name: set_last_seq
UPDATE audit.projector_position SET last_seq = %(last_seq)s;

-- name: wait_for
UPDATE audit.projector_position SET waits_for = %(reason)s;

-- name: move_foreign_rows
SELECT audit.move_foreign_rows();

-- name: unreported_rows
SELECT number, seq, sha256, found_at FROM audit.foreign_rows WHERE NOT reported ORDER BY number LIMIT 1000;

-- name: mark_reported
UPDATE audit.foreign_rows SET reported = true WHERE number = ANY(%(numbers)s);

-- name: copy_in
COPY audit.events ({columns}) FROM STDIN (FORMAT BINARY);

-- name: dump
COPY (SELECT {columns} FROM audit.event ORDER BY seq) TO STDOUT;
