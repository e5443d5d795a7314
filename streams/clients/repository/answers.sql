-- The spool of a repository's answers (SQLite), by name.

-- name: create_table
CREATE TABLE IF NOT EXISTS answers (
    subject TEXT PRIMARY KEY, event_id TEXT NOT NULL, package_id TEXT NOT NULL,
    accepted INTEGER NOT NULL, reason TEXT NOT NULL, value BLOB NOT NULL,
    sent INTEGER NOT NULL DEFAULT 0
);

-- name: find
SELECT subject, event_id, package_id, accepted, reason, value, sent FROM answers
WHERE subject = :subject;

-- name: keep
INSERT OR REPLACE INTO answers
VALUES (:subject, :event_id, :package_id, :accepted, :reason, :value, :sent);

-- name: mark_sent
-- What was sent is not sent again; a reason may be a person's text.
UPDATE answers SET sent = 1, reason = '', value = x'' WHERE subject = :subject;
