-- What did not arrive by itself is told to others, as emon.notifications.events. The columns stay as they are for mail that is
-- simply accepted.
ALTER TABLE deliveries
    ADD COLUMN version    bigint NOT NULL DEFAULT 0, -- one step for each event about this delivery
    ADD COLUMN told_as    text, -- the status under which it was told to have failed; NULL: nobody has to look at it, for all they know
    ADD COLUMN settlement text; -- a stable code: why nobody has to look any more at what stays as it is; see undelivered/rules.py

-- What should have been told and was not, as on the day of this migration.
CREATE INDEX deliveries_to_tell ON deliveries (id)
    WHERE told_as IS NULL AND settlement IS NULL AND status IN ('bounced', 'suppressed', 'uncertain', 'held', 'by_hand');
