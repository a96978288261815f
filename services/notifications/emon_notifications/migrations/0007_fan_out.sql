-- What each mail is recorded with costs each mail of a fan-out.

-- A try is written in one statement with its mail, and no mail is ever deleted: to look for it once more protected nothing.
ALTER TABLE attempts DROP CONSTRAINT attempts_mail_id_fkey;

-- A try is asked for together with its mail, or with all tries of it: one index serves both.
ALTER TABLE attempts DROP CONSTRAINT attempts_pkey, ADD PRIMARY KEY (mail_id, id);
DROP INDEX attempts_of_a_mail;
