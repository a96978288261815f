-- What is owed to whom, what was sent, and the copies of meetings that mails are written from.
GRANT USAGE ON SCHEMA public TO :api_role, :worker_role;

-- The newest state of each meeting, by version.
CREATE TABLE meetings (
    meeting_id       uuid PRIMARY KEY,
    version          bigint NOT NULL,
    ags              text NOT NULL,
    kind             text NOT NULL,
    title            text NOT NULL,
    start_local      timestamp NOT NULL,
    start_time_zone  text NOT NULL,
    starts_at        timestamptz NOT NULL,
    duration_minutes integer NOT NULL,
    place            text,
    link             text,
    revision         integer NOT NULL,
    cancelled        boolean NOT NULL
);

-- Who is invited. No reference to meetings: an invitation may be known before its meeting.
CREATE TABLE guests (
    meeting_id    uuid NOT NULL,
    person_id     uuid NOT NULL,
    invitation_id uuid NOT NULL,
    PRIMARY KEY (meeting_id, person_id)
);

-- What is owed: one row for an event, a person and a channel. The states and what leads from one to another stand in
-- deliveries/rules.py.
CREATE TABLE deliveries (
    id          uuid PRIMARY KEY DEFAULT uuidv7(),
    position    bigint GENERATED ALWAYS AS IDENTITY, -- the order of planning; of two for one person and subject the later tells more
    event_id    uuid NOT NULL,
    person_id   uuid NOT NULL,
    channel     text NOT NULL DEFAULT 'email',
    kind        text NOT NULL, -- what happened; what the mail says is decided when it is sent, and stands in mails
    category    text NOT NULL, -- what a person chooses for
    priority    smallint NOT NULL, -- lower goes first
    subject_id  uuid NOT NULL, -- the meeting, or the request for a sign-in link
    ags         text, -- whose staff see it; NULL: no municipality's
    status      text NOT NULL CHECK (status IN (
        'waiting', 'queued', 'sending', 'deferred', 'held', 'uncertain',
        'accepted', 'bounced', 'suppressed', 'superseded', 'skipped', 'expired', 'erased', 'cancelled', 'by_hand'
    )),
    reason      text, -- a stable code
    occurred_at timestamptz NOT NULL, -- when the event happened
    not_before  timestamptz,
    expires_at  timestamptz NOT NULL,
    mail_id     uuid,
    attempt_id  uuid, -- the try under way, or the last one
    traceparent text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (event_id, person_id, channel)
);
CREATE INDEX deliveries_of_a_person ON deliveries (person_id, subject_id);
CREATE INDEX deliveries_about_a_subject ON deliveries (subject_id, id);
CREATE INDEX deliveries_of_a_municipality ON deliveries (ags, id);
CREATE INDEX deliveries_to_send ON deliveries (priority, position) WHERE status = 'queued';
CREATE INDEX deliveries_put_off ON deliveries (not_before) WHERE status = 'deferred';
CREATE INDEX deliveries_that_can_expire ON deliveries (expires_at) WHERE status IN ('waiting', 'queued', 'deferred', 'held');
CREATE INDEX deliveries_to_look_at ON deliveries (status, id)
    WHERE status IN ('waiting', 'deferred', 'held', 'uncertain', 'bounced', 'suppressed', 'by_hand');
-- Two mails about one subject are never on their way to one person at a time: the later could arrive first.
CREATE UNIQUE INDEX deliveries_on_their_way ON deliveries (person_id, subject_id) WHERE status = 'sending';

-- SMTP messages. The Message-ID is made from `id`, and stays the same however often it is tried.
CREATE TABLE mails (
    id         uuid PRIMARY KEY,
    kind       text NOT NULL,
    revision   integer, -- of the meeting that it tells of
    created_at timestamptz NOT NULL DEFAULT now()
);

-- One row for each try, written before the mail server is told anything.
CREATE TABLE attempts (
    id          uuid PRIMARY KEY,
    mail_id     uuid NOT NULL REFERENCES mails,
    mailer_id   bigint NOT NULL, -- held as an advisory lock for as long as the mailer lives
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    outcome     text CHECK (outcome IN ('accepted', 'deferred', 'bounced', 'uncertain', 'not_sent')),
    stage       text,
    code        smallint,
    reply       text, -- without the recipient's address
    CHECK ((finished_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX attempts_of_a_mail ON attempts (mail_id, started_at);
CREATE INDEX attempts_under_way ON attempts (mailer_id) WHERE finished_at IS NULL;

-- Addresses that a mail server refused for good.
CREATE TABLE suppressed_addresses (
    email_key text PRIMARY KEY,
    reason    text NOT NULL,
    since     timestamptz NOT NULL DEFAULT now()
);

GRANT SELECT, UPDATE ON deliveries TO :api_role;
GRANT SELECT ON mails, attempts TO :api_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON meetings, guests, deliveries, mails, attempts, suppressed_addresses TO :worker_role;

-- Row-level security: the settings are read in sub-selects, which the planner evaluates once and not for every row.
ALTER TABLE deliveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE deliveries FORCE ROW LEVEL SECURITY;
CREATE POLICY in_reach ON deliveries TO :api_role USING (
    (SELECT current_setting('emon.everywhere', true) = 'on')
    OR ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
);
CREATE POLICY worker ON deliveries TO :worker_role USING (true) WITH CHECK (true);

-- A mail is in reach through a delivery that is.
ALTER TABLE mails ENABLE ROW LEVEL SECURITY;
ALTER TABLE mails FORCE ROW LEVEL SECURITY;
CREATE INDEX deliveries_of_a_mail ON deliveries (mail_id) WHERE mail_id IS NOT NULL;
CREATE POLICY in_reach ON mails FOR SELECT TO :api_role USING (
    EXISTS (SELECT FROM deliveries AS delivery WHERE delivery.mail_id = mails.id)
);
CREATE POLICY worker ON mails TO :worker_role USING (true) WITH CHECK (true);

ALTER TABLE attempts ENABLE ROW LEVEL SECURITY;
ALTER TABLE attempts FORCE ROW LEVEL SECURITY;
CREATE POLICY in_reach ON attempts FOR SELECT TO :api_role USING (
    EXISTS (SELECT FROM deliveries AS delivery WHERE delivery.mail_id = attempts.mail_id)
);
CREATE POLICY worker ON attempts TO :worker_role USING (true) WITH CHECK (true);

-- No route reads these.
ALTER TABLE meetings ENABLE ROW LEVEL SECURITY;
ALTER TABLE meetings FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON meetings TO :worker_role USING (true) WITH CHECK (true);
ALTER TABLE guests ENABLE ROW LEVEL SECURITY;
ALTER TABLE guests FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON guests TO :worker_role USING (true) WITH CHECK (true);
ALTER TABLE suppressed_addresses ENABLE ROW LEVEL SECURITY;
ALTER TABLE suppressed_addresses FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON suppressed_addresses TO :worker_role USING (true) WITH CHECK (true);
