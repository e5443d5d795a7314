-- Rows of audit.events that the projector did not write: found beyond its position, moved out of the
-- way with their content, and reported. And what the projector waits for, for who reads the log.

SET LOCAL ROLE audit_owner;

ALTER TABLE audit.projector_position ADD COLUMN waits_for text;
COMMENT ON COLUMN audit.projector_position.waits_for IS
    'Why events are not projected at present; null if none is left out.';
GRANT UPDATE (waits_for) ON audit.projector_position TO projector;

CREATE TABLE audit.foreign_rows (
    number   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    found_at timestamptz NOT NULL DEFAULT now(),
    seq      bigint NOT NULL,
    sha256   text NOT NULL,
    content  text NOT NULL,
    reported boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE audit.foreign_rows IS 'Rows that stood in audit.events and were not projected from the sealed log.';
CREATE TRIGGER only_added_to BEFORE DELETE OR TRUNCATE ON audit.foreign_rows
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

-- The position and the rows change in one transaction, so a row beyond it is not the projector's.
CREATE FUNCTION audit.move_foreign_rows() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog AS $$
DECLARE
    last bigint;
    moved bigint;
BEGIN
    SELECT last_seq INTO last FROM audit.projector_position FOR UPDATE;
    IF NOT EXISTS (SELECT FROM audit.events WHERE seq > last) THEN
        RETURN 0;
    END IF;
    INSERT INTO audit.foreign_rows (seq, sha256, content)
        SELECT seq, encode(sha256(body), 'hex'), to_jsonb(e)::text FROM audit.events e WHERE seq > last ORDER BY seq;
    -- ONLY: the triggers of the partitions stay, and a statement on the parent does not fire them.
    ALTER TABLE ONLY audit.events DISABLE TRIGGER only_added_to;
    DELETE FROM audit.events WHERE seq > last;
    GET DIAGNOSTICS moved = ROW_COUNT;
    ALTER TABLE ONLY audit.events ENABLE TRIGGER only_added_to;
    RETURN moved;
END $$;
REVOKE ALL ON FUNCTION audit.move_foreign_rows() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.move_foreign_rows() TO projector;
GRANT SELECT, UPDATE (reported) ON audit.foreign_rows TO projector;
GRANT SELECT ON audit.foreign_rows TO auditor_ro;

RESET ROLE;
