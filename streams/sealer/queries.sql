-- The SQLite index of sealed events, audit/index.db.

-- name: tables
CREATE TABLE IF NOT EXISTS events (
    event_id BLOB PRIMARY KEY, seq INTEGER NOT NULL, digest BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS position (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    next_seq INTEGER NOT NULL, next_offset INTEGER NOT NULL, sealed_at INTEGER NOT NULL
);
INSERT OR IGNORE INTO position VALUES (1, 0, 0, 0);
-- Where a seq is on the topic, every some thousand: a comparison of both begins at one of them.
CREATE TABLE IF NOT EXISTS marks (next_seq INTEGER PRIMARY KEY, next_offset INTEGER NOT NULL);

-- name: position
SELECT next_seq, next_offset, sealed_at FROM position;

-- name: advance_position
UPDATE position SET next_seq = ?, next_offset = ?, sealed_at = ?
WHERE next_seq = ? AND next_offset = ?;

-- name: add_event
-- Of a position that was too low, events are known already.
INSERT OR REPLACE INTO events VALUES (?, ?, ?);

-- name: add_mark
INSERT INTO marks SELECT ?1, ?2 WHERE ?1 >= (SELECT coalesce(max(next_seq), 0) FROM marks) + ?3;

-- name: marks
SELECT next_seq, next_offset FROM marks ORDER BY next_seq;

-- name: forget_marks
DELETE FROM marks;

-- name: forget_events
DELETE FROM events;

-- name: forget_position
UPDATE position SET next_seq = 0, next_offset = 0, sealed_at = 0;

-- name: find_events
SELECT event_id, seq, digest FROM events WHERE event_id IN ({placeholders});

-- name: all_events
SELECT event_id, seq, digest FROM events ORDER BY seq;
