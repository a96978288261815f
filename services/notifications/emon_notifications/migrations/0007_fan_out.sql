-- A try is written in one statement with its mail, and no mail is ever deleted: looking it up once more for each try gained nothing.
ALTER TABLE attempts DROP CONSTRAINT attempts_mail_id_fkey;
