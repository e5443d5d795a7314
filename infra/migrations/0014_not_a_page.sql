-- A page may be withdrawn because its file is no page of the item: the item is complete without it.

SET LOCAL ROLE tracker;

ALTER TABLE line.verdicts ADD COLUMN not_a_page boolean NOT NULL DEFAULT false;
ALTER TABLE line.pages ADD COLUMN not_a_page boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN line.pages.not_a_page IS 'Withdrawn as a file that is not a page: the package does not name it and is complete without it.';
RESET ROLE;
