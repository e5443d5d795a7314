-- The spool of a station (SQLite), by name.

-- name: tables
CREATE TABLE IF NOT EXISTS deliveries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    batch_id TEXT NOT NULL, folder TEXT NOT NULL, options TEXT NOT NULL,
    state TEXT NOT NULL, queued_at TEXT NOT NULL, ended_at TEXT,
    items INTEGER NOT NULL DEFAULT 0, pages INTEGER NOT NULL DEFAULT 0,
    files INTEGER NOT NULL, size_bytes INTEGER NOT NULL,
    what TEXT NOT NULL DEFAULT '', done INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL DEFAULT 0,
    event_id TEXT, diagnostics TEXT NOT NULL DEFAULT '[]', waits_for TEXT
);
CREATE INDEX IF NOT EXISTS deliveries_of_batch ON deliveries (batch_id);
-- The folder of a delivery as it was when it was queued: one value, since it is written at once.
CREATE TABLE IF NOT EXISTS listings (delivery INTEGER PRIMARY KEY, content BLOB NOT NULL);
-- What was done with the files of a delivery since.
CREATE TABLE IF NOT EXISTS digests (
    delivery INTEGER NOT NULL, name BLOB NOT NULL,
    size_bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL, digests TEXT NOT NULL,
    PRIMARY KEY (delivery, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS confirmations (
    delivery INTEGER NOT NULL, name BLOB NOT NULL, PRIMARY KEY (delivery, name)
) WITHOUT ROWID;
-- The outbox: records in the order in which they are published.
CREATE TABLE IF NOT EXISTS records (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    delivery INTEGER, topic TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,
    once TEXT UNIQUE, appended_at TEXT NOT NULL, sent_at TEXT
);
CREATE INDEX IF NOT EXISTS unsent_records ON records (position) WHERE sent_at IS NULL;
-- Uploads that were begun, by the digest of the file.
CREATE TABLE IF NOT EXISTS uploads (
    sha256 TEXT PRIMARY KEY, url TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- name: queue
INSERT INTO deliveries (batch_id, folder, options, state, queued_at, files, size_bytes)
VALUES (:batch_id, :folder, :options, 'queued', :queued_at, :files, :size_bytes);

-- name: keep_listing
INSERT OR REPLACE INTO listings VALUES (:number, :content);

-- name: listing
SELECT content FROM listings WHERE delivery = :number;

-- name: forget_listing
DELETE FROM listings WHERE delivery = :number;

-- name: digests
SELECT name, size_bytes, modified_ns, digests FROM digests WHERE delivery = :number;

-- name: keep_digests
INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?, ?);

-- name: forget_digests
DELETE FROM digests WHERE delivery = :number;

-- name: confirmed
SELECT name FROM confirmations WHERE delivery = :number;

-- name: confirm
INSERT OR IGNORE INTO confirmations VALUES (?, ?);

-- name: forget_confirmations
DELETE FROM confirmations WHERE delivery = :number;

-- name: delivery
SELECT * FROM deliveries WHERE number = :number;

-- name: deliveries
SELECT * FROM deliveries ORDER BY number;

-- name: open_of_batch
SELECT * FROM deliveries
WHERE batch_id = :batch_id AND state NOT IN ('submitted', 'refused', 'cancelled') LIMIT 1;

-- name: next_delivery
SELECT * FROM deliveries WHERE state IN ('queued', 'hashing', 'sending') ORDER BY number LIMIT 1;

-- name: change_state
-- A delivery that a person cancelled meanwhile keeps its state.
UPDATE deliveries SET state = :state, what = '', done = 0, total = 0
WHERE number = :number AND state IN ('queued', 'hashing', 'sending');

-- name: end
UPDATE deliveries SET state = :state, ended_at = :at, waits_for = NULL,
    what = '', done = 0, total = 0
WHERE number = :number;

-- name: requeue
UPDATE deliveries SET state = 'queued', ended_at = NULL, waits_for = NULL, diagnostics = '[]',
    event_id = NULL, files = :files, size_bytes = :size_bytes
WHERE number = :number;

-- name: describe
UPDATE deliveries SET items = :items, pages = :pages, event_id = :event_id,
    diagnostics = :diagnostics
WHERE number = :number;

-- name: progress
UPDATE deliveries SET what = :what, done = :done, total = :total WHERE number = :number;

-- name: wait_for
UPDATE deliveries SET waits_for = :waits_for WHERE number = :number;

-- name: append
INSERT INTO records (delivery, topic, key, value, once, appended_at)
VALUES (:delivery, :topic, :key, :value, :once, :at);

-- name: position_of
SELECT position FROM records WHERE once = :once;

-- name: unsent
SELECT position, delivery, topic, key, value FROM records WHERE sent_at IS NULL
ORDER BY position LIMIT :limit;

-- name: count_unsent
SELECT count(*) FROM records WHERE sent_at IS NULL;

-- name: mark_sent
-- What was sent is not sent again; its content is in the log of the line.
UPDATE records SET sent_at = :at, value = x'' WHERE position = :position AND sent_at IS NULL;

-- name: note
INSERT OR REPLACE INTO notes VALUES (:name, :value);

-- name: forget_note
DELETE FROM notes WHERE name = :name;

-- name: noted
SELECT value FROM notes WHERE name = :name;

-- name: upload
SELECT url FROM uploads WHERE sha256 = :sha256;

-- name: begin_upload
INSERT OR REPLACE INTO uploads VALUES (:sha256, :url);

-- name: end_upload
DELETE FROM uploads WHERE sha256 = :sha256;
