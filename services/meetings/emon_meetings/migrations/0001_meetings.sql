-- Meetings, whom they are for, and who was invited.
CREATE TABLE meetings (
    id                  uuid PRIMARY KEY,
    ags                 text NOT NULL,
    kind                text NOT NULL CHECK (kind IN ('round_table', 'exchange')),
    title               text NOT NULL,
    local_start         timestamp NOT NULL, -- the wall clock is the truth
    time_zone           text NOT NULL,
    starts_at           timestamptz NOT NULL, -- derived from it
    duration_minutes    integer NOT NULL CHECK (duration_minutes BETWEEN 5 AND 20160),
    place               text,
    link                text,
    status              text NOT NULL DEFAULT 'scheduled' CHECK (status IN ('scheduled', 'cancelled')),
    cancellation_reason text,
    revision            integer NOT NULL DEFAULT 0, -- rises with time, place and cancellation
    version             bigint NOT NULL DEFAULT 1, -- rises with every change
    scheduled_by        uuid NOT NULL,
    created_at          timestamptz NOT NULL DEFAULT now(),
    CHECK (place IS NOT NULL OR link IS NOT NULL)
);
CREATE INDEX meetings_by_municipality ON meetings (ags, starts_at, id);
CREATE INDEX meetings_by_start ON meetings (starts_at, id);

CREATE TABLE participants (
    meeting_id      uuid NOT NULL REFERENCES meetings ON DELETE CASCADE,
    ags             text NOT NULL,
    person_id       uuid,
    organisation_id uuid,
    UNIQUE NULLS NOT DISTINCT (meeting_id, person_id, organisation_id),
    CHECK (num_nonnulls(person_id, organisation_id) = 1)
);
CREATE INDEX participants_by_organisation ON participants (organisation_id, ags) WHERE organisation_id IS NOT NULL;

CREATE TABLE invitations (
    id         uuid PRIMARY KEY DEFAULT uuidv7(),
    meeting_id uuid NOT NULL REFERENCES meetings ON DELETE CASCADE,
    ags        text NOT NULL,
    person_id  uuid NOT NULL,
    version    bigint NOT NULL DEFAULT 1,
    reply      text CHECK (reply IN ('accepted', 'declined', 'tentative')),
    issued_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (meeting_id, person_id) -- each person once, whoever names them
);
CREATE INDEX invitations_by_person ON invitations (person_id);
CREATE INDEX invitations_in_order ON invitations (meeting_id, id);

GRANT SELECT, INSERT, UPDATE ON meetings, participants, invitations TO :api_role;
GRANT SELECT, INSERT, UPDATE ON meetings, participants, invitations TO :worker_role;

-- An invitation is in reach of its municipality, of the person who was invited, and of who holds its link.
ALTER TABLE invitations ENABLE ROW LEVEL SECURITY;
ALTER TABLE invitations FORCE ROW LEVEL SECURITY;
CREATE POLICY in_reach ON invitations TO :api_role
    USING (
        (SELECT current_setting('emon.everywhere', true) = 'on')
        OR ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
        OR person_id = (SELECT nullif(current_setting('emon.person', true), '')::uuid)
        OR id = (SELECT nullif(current_setting('emon.link_subject', true), '')::uuid)
    )
    WITH CHECK (
        (SELECT current_setting('emon.everywhere', true) = 'on')
        OR ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
    );
CREATE POLICY worker ON invitations TO :worker_role USING (true) WITH CHECK (true);

-- A meeting is in reach of its municipality, and of whoever reaches an invitation to it.
ALTER TABLE meetings ENABLE ROW LEVEL SECURITY;
ALTER TABLE meetings FORCE ROW LEVEL SECURITY;
CREATE POLICY in_reach ON meetings TO :api_role
    USING (
        (SELECT current_setting('emon.everywhere', true) = 'on')
        OR ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
        OR EXISTS (SELECT FROM invitations AS mine WHERE mine.meeting_id = meetings.id)
    )
    WITH CHECK (
        (SELECT current_setting('emon.everywhere', true) = 'on')
        OR ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
    );
CREATE POLICY worker ON meetings TO :worker_role USING (true) WITH CHECK (true);

ALTER TABLE participants ENABLE ROW LEVEL SECURITY;
ALTER TABLE participants FORCE ROW LEVEL SECURITY;
CREATE POLICY in_reach ON participants TO :api_role
    USING (
        (SELECT current_setting('emon.everywhere', true) = 'on')
        OR ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
    )
    WITH CHECK (
        (SELECT current_setting('emon.everywhere', true) = 'on')
        OR ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
    );
CREATE POLICY worker ON participants TO :worker_role USING (true) WITH CHECK (true);
