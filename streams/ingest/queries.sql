-- The SQLite database of what each sender has uploaded, uploads/stored.db.

-- name: tables
CREATE TABLE IF NOT EXISTS stored (
    sender TEXT NOT NULL, sha256 BLOB NOT NULL, size_bytes INTEGER NOT NULL,
    stored_at REAL NOT NULL, PRIMARY KEY (sender, sha256)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS finished (
    id TEXT PRIMARY KEY, sender TEXT NOT NULL, size_bytes INTEGER NOT NULL, metadata TEXT NOT NULL,
    finished_at REAL NOT NULL
) WITHOUT ROWID;

-- name: put_stored
INSERT INTO stored VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- name: put_finished
INSERT OR REPLACE INTO finished VALUES (?, ?, ?, ?, ?);

-- name: size
SELECT size_bytes FROM stored WHERE sender = ? AND sha256 = ?;

-- name: finished
SELECT size_bytes, metadata, finished_at FROM finished WHERE id = ? AND sender = ?;

-- name: expire
DELETE FROM finished WHERE finished_at < ?;
