-- The queries of a line are short. While a table is new or has one row, PostgreSQL knows nothing of it,
-- expects millions of rows and compiles each query first: 0.3 s for a `status` that then took 0.04 s.
DO $$
BEGIN
    EXECUTE format('ALTER DATABASE %I SET jit = off', current_database());
END
$$;
