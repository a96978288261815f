-- Feedback, who is asked to answer it, and what its author wrote back.
CREATE TABLE feedback (
    id                    uuid PRIMARY KEY,
    ags                   text NOT NULL,
    kind                  text NOT NULL CHECK (kind IN ('praise', 'problem', 'idea')),
    about_person_id       uuid,
    about_organisation_id uuid,
    about_meeting_id      uuid,
    about_topic           text,
    text                  text, -- NULL once it is too old to be kept
    anonymous             boolean NOT NULL,
    author_id             uuid, -- NULL as well once its author was erased
    secret_hash           bytea UNIQUE CHECK (length(secret_hash) = 32), -- SHA-256; the secret itself is nowhere
    status                text NOT NULL DEFAULT 'received' CHECK (status IN ('received', 'acknowledged', 'answered', 'rated')),
    submitted_at          timestamptz NOT NULL,
    acknowledge_by        date NOT NULL,
    answer_by             date NOT NULL,
    due_by                date, -- by when those asked now are to act; NULL where nobody is asked or nothing is left to do
    look_at               timestamptz, -- when the timer looks after it; NULL once it is answered
    round                 integer NOT NULL, -- how often somebody was asked
    acknowledged_at       timestamptz,
    acknowledged_by       uuid,
    interim_text          text,
    interim_by            uuid,
    interim_at            timestamptz,
    answer_text           text,
    answered_by           uuid,
    answered_at           timestamptz,
    stars                 smallint CHECK (stars BETWEEN 1 AND 5),
    rated_at              timestamptz,
    -- Whoever is or was asked, and whoever acted on it. Here and not read from asked, whose policy reads this table.
    involved              uuid[] NOT NULL DEFAULT '{}',
    version               bigint NOT NULL DEFAULT 1,
    CHECK (num_nonnulls(about_person_id, about_organisation_id, about_meeting_id, about_topic) <= 1),
    CHECK (anonymous = (secret_hash IS NOT NULL)),
    CHECK (NOT anonymous OR author_id IS NULL),
    CHECK (status IN ('received', 'acknowledged') OR answered_at IS NOT NULL) -- nothing is closed without an answer
);
CREATE INDEX feedback_newest_first ON feedback (submitted_at DESC, id DESC);
CREATE INDEX feedback_by_author ON feedback (author_id) WHERE author_id IS NOT NULL;
CREATE INDEX feedback_by_involved ON feedback USING gin (involved);
CREATE INDEX feedback_to_look_at ON feedback (look_at) WHERE look_at IS NOT NULL;

CREATE TABLE asked (
    feedback_id uuid NOT NULL REFERENCES feedback ON DELETE CASCADE,
    ags         text NOT NULL,
    person_id   uuid NOT NULL,
    level       text NOT NULL CHECK (level IN ('organisation', 'coordinator', 'mediator')),
    round       integer NOT NULL, -- of the feedback; those of its newest are the ones who are asked now
    asked_at    timestamptz NOT NULL,
    PRIMARY KEY (feedback_id, person_id)
);
CREATE INDEX asked_by_person ON asked (person_id);

CREATE TABLE messages (
    id          uuid PRIMARY KEY,
    feedback_id uuid NOT NULL REFERENCES feedback ON DELETE CASCADE,
    text        text, -- NULL once it is too old to be kept
    written_at  timestamptz NOT NULL
);
CREATE INDEX messages_of_feedback ON messages (feedback_id, id);

-- What meetings published, so that feedback can be about one.
CREATE TABLE meetings (
    id        uuid PRIMARY KEY,
    ags       text NOT NULL,
    title     text NOT NULL,
    cancelled boolean NOT NULL,
    version   bigint NOT NULL
);

GRANT SELECT, INSERT, UPDATE ON feedback TO :api_role;
GRANT SELECT, INSERT ON asked, messages TO :api_role;
GRANT SELECT ON meetings TO :api_role;
GRANT SELECT, UPDATE ON feedback TO :worker_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON asked TO :worker_role;
GRANT SELECT, UPDATE ON messages TO :worker_role;
GRANT SELECT, INSERT, UPDATE ON meetings TO :worker_role;

-- Feedback is in reach of its author, of whoever is involved, of the coordinators of its municipality, and of who holds its link
-- and is one of these, or its secret. Never of the person it is about, whatever else they are. There is no clause for those who
-- may act everywhere: they read none.
ALTER TABLE feedback ENABLE ROW LEVEL SECURITY;
ALTER TABLE feedback FORCE ROW LEVEL SECURITY;
CREATE POLICY read_in_reach ON feedback FOR SELECT TO :api_role USING (
    about_person_id IS DISTINCT FROM (SELECT nullif(current_setting('emon.caller', true), '')::uuid)
    AND (
        ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
        OR author_id = (SELECT nullif(current_setting('emon.person', true), '')::uuid)
        OR involved @> ARRAY[(SELECT nullif(current_setting('emon.person', true), '')::uuid)]
        OR (
            id = (SELECT nullif(current_setting('emon.link_subject', true), '')::uuid)
            AND (SELECT nullif(current_setting('emon.caller', true), '')::uuid) = ANY (array_append(involved, author_id))
        )
        OR secret_hash = (SELECT decode(current_setting('emon.secret', true), 'hex'))
    )
);
CREATE POLICY change_in_reach ON feedback FOR UPDATE TO :api_role USING (
    about_person_id IS DISTINCT FROM (SELECT nullif(current_setting('emon.caller', true), '')::uuid)
    AND (
        ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
        OR author_id = (SELECT nullif(current_setting('emon.person', true), '')::uuid)
        OR involved @> ARRAY[(SELECT nullif(current_setting('emon.person', true), '')::uuid)]
        OR (
            id = (SELECT nullif(current_setting('emon.link_subject', true), '')::uuid)
            AND (SELECT nullif(current_setting('emon.caller', true), '')::uuid) = ANY (array_append(involved, author_id))
        )
        OR secret_hash = (SELECT decode(current_setting('emon.secret', true), 'hex'))
    )
);
CREATE POLICY submit ON feedback FOR INSERT TO :api_role WITH CHECK (
    (
        (SELECT current_setting('emon.everywhere', true) = 'on')
        OR ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
    )
    AND (anonymous OR author_id = (SELECT nullif(current_setting('emon.caller', true), '')::uuid))
);
CREATE POLICY worker ON feedback TO :worker_role USING (true) WITH CHECK (true);

-- Who is asked is written by whoever submits, who need not be able to read it.
ALTER TABLE asked ENABLE ROW LEVEL SECURITY;
ALTER TABLE asked FORCE ROW LEVEL SECURITY;
CREATE POLICY read_with_feedback ON asked FOR SELECT TO :api_role USING (
    EXISTS (SELECT FROM feedback WHERE feedback.id = asked.feedback_id)
);
CREATE POLICY submit ON asked FOR INSERT TO :api_role WITH CHECK (
    (SELECT current_setting('emon.everywhere', true) = 'on')
    OR ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
);
CREATE POLICY worker ON asked TO :worker_role USING (true) WITH CHECK (true);

ALTER TABLE messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE messages FORCE ROW LEVEL SECURITY;
CREATE POLICY with_feedback ON messages TO :api_role
    USING (EXISTS (SELECT FROM feedback WHERE feedback.id = messages.feedback_id))
    WITH CHECK (EXISTS (SELECT FROM feedback WHERE feedback.id = messages.feedback_id));
CREATE POLICY worker ON messages TO :worker_role USING (true) WITH CHECK (true);

ALTER TABLE meetings ENABLE ROW LEVEL SECURITY;
ALTER TABLE meetings FORCE ROW LEVEL SECURITY;
CREATE POLICY in_reach ON meetings FOR SELECT TO :api_role USING (
    (SELECT current_setting('emon.everywhere', true) = 'on')
    OR ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
);
CREATE POLICY worker ON meetings TO :worker_role USING (true) WITH CHECK (true);

-- Whoever answers feedback knows who wrote it by name, also by a link, in whose scope no municipality is.
CREATE POLICY author ON directory_people FOR SELECT TO :api_role USING (
    EXISTS (SELECT FROM feedback WHERE feedback.author_id = directory_people.person_id)
);
-- The mediator need not be of any municipality of whoever submits.
CREATE POLICY mediator ON directory_people FOR SELECT TO :api_role USING (
    email_key = (SELECT nullif(current_setting('emon.mediator', true), ''))
);
