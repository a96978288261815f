-- Held after a restore: between the backup and the restore it may have been sent, and nobody can tell. It stays so, whatever
-- becomes of it: somebody who may have been invited has to hear of a cancellation.
ALTER TABLE deliveries ADD COLUMN may_have_been_sent boolean NOT NULL DEFAULT false;
