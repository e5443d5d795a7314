"""The process manager: joins, admission, retries, outbox."""
