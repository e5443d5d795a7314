-- What the projector asks of the schema audit.

-- name: make_partitions
SELECT audit.make_partitions();

-- name: position
SELECT last_seq, next_offset FROM audit.projector_position;

-- name: advance_position
-- The row lock also holds off a second projector until this transaction ends.
UPDATE audit.projector_position
SET last_seq = %(last_seq)s, next_offset = %(next_offset)s
WHERE last_seq = %(last_seq_before)s AND next_offset = %(next_offset_before)s;

-- name: copy_in
COPY audit.events ({columns}) FROM STDIN;

-- name: dump
COPY (SELECT {columns} FROM audit.event ORDER BY seq) TO STDOUT;
