-- Mails about feedback, and the first mail to somebody whom others entered (GDPR Art. 14).

-- What is known of feedback, by version; never what was written, nor by whom.
CREATE TABLE feedback (
    feedback_id     uuid PRIMARY KEY,
    version         bigint NOT NULL,
    ags             text NOT NULL,
    kind            text NOT NULL,
    phase           text NOT NULL,
    due_by          date,
    asking_since    bigint, -- the version that asked those who are to act now; NULL: nobody is asked
    news_since      bigint NOT NULL, -- the newest version that is news to the author; 0: none
    continued_since bigint NOT NULL -- the newest version in which the author wrote back; 0: none
);

-- Who was asked last, and how.
CREATE TABLE feedback_requests (
    feedback_id uuid NOT NULL,
    person_id   uuid NOT NULL,
    kind        text NOT NULL, -- of the mail that asks
    version     bigint NOT NULL,
    PRIMARY KEY (feedback_id, person_id)
);
CREATE INDEX feedback_requests_of_a_person ON feedback_requests (person_id);

-- Everybody of the directory, and whether they were told who entered them.
CREATE TABLE newcomers (
    person_id     uuid PRIMARY KEY,
    known_since   timestamptz NOT NULL DEFAULT now(),
    introduced_at timestamptz,
    mail_id       uuid -- the mail that introduces them: under way as long as introduced_at is NULL
);
-- Both are all but empty once everybody is introduced, so that mailing pays nothing for them.
CREATE INDEX newcomers_to_introduce ON newcomers (person_id) WHERE introduced_at IS NULL;
CREATE INDEX newcomers_being_introduced ON newcomers (person_id) WHERE introduced_at IS NULL AND mail_id IS NOT NULL;
CREATE INDEX newcomers_by_age ON newcomers (known_since) WHERE introduced_at IS NULL AND mail_id IS NULL;
CREATE INDEX newcomers_by_mail ON newcomers (mail_id) WHERE mail_id IS NOT NULL;

-- Who was known before is introduced to nobody. The owner is under row-level security too, and has no policy.
ALTER TABLE directory_people NO FORCE ROW LEVEL SECURITY;
INSERT INTO newcomers (person_id, introduced_at) SELECT person_id, now() FROM directory_people WHERE NOT erased;
ALTER TABLE directory_people FORCE ROW LEVEL SECURITY;

ALTER TABLE mails ADD COLUMN introduces uuid; -- the person to whom it says who entered them

GRANT SELECT, INSERT, UPDATE, DELETE ON feedback, feedback_requests, newcomers TO :worker_role;

-- No route reads these.
ALTER TABLE feedback ENABLE ROW LEVEL SECURITY;
ALTER TABLE feedback FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON feedback TO :worker_role USING (true) WITH CHECK (true);
ALTER TABLE feedback_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE feedback_requests FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON feedback_requests TO :worker_role USING (true) WITH CHECK (true);
ALTER TABLE newcomers ENABLE ROW LEVEL SECURITY;
ALTER TABLE newcomers FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON newcomers TO :worker_role USING (true) WITH CHECK (true);
