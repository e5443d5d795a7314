-- The topic of which next_offset is an offset: the sealed records may be published again as another one.

SET LOCAL ROLE audit_owner;

ALTER TABLE audit.projector_position ADD COLUMN topic text;
COMMENT ON COLUMN audit.projector_position.topic IS
    'The topic of next_offset; null if the offset must be found again by the seq.';
GRANT UPDATE (topic) ON audit.projector_position TO projector;
UPDATE audit.projector_position SET topic = 'digitization.audit.premis.v1';

RESET ROLE;
