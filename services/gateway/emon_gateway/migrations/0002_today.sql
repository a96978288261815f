-- What needs somebody: copies of what meetings, feedback and notifications published, each by version, whatever order they come in.
-- Ids and facts, titles and places of meetings; names are in the directory.

CREATE TABLE meetings (
    meeting_id      uuid PRIMARY KEY,
    version         bigint NOT NULL,
    ags             text NOT NULL,
    title           text NOT NULL,
    start_local     timestamp NOT NULL,
    start_time_zone text NOT NULL,
    starts_at       timestamptz NOT NULL,
    place           text,
    revision        integer NOT NULL,
    cancelled       boolean NOT NULL
);
CREATE INDEX meetings_of_a_municipality ON meetings (ags, starts_at) WHERE NOT cancelled;
CREATE INDEX meetings_by_start ON meetings (starts_at);

-- No reference to meetings: an invitation may be known before its meeting, and a reply before its invitation.
CREATE TABLE invitations (
    invitation_id    uuid PRIMARY KEY,
    meeting_id       uuid NOT NULL,
    ags              text NOT NULL,
    person_id        uuid NOT NULL,
    version          bigint NOT NULL,
    replied_revision integer -- of the meeting that the newest reply was given to
);
CREATE INDEX invitations_to_a_meeting ON invitations (meeting_id, replied_revision);
CREATE INDEX invitations_of_a_person ON invitations (person_id);

-- Events about feedback each tell a part of it, so that each part goes by a version of its own.
CREATE TABLE feedback (
    feedback_id      uuid PRIMARY KEY,
    ags              text NOT NULL,
    kind             text NOT NULL,
    confidential     boolean NOT NULL, -- about a person
    author_id        uuid, -- NULL where nobody knows, and once they are erased
    involved         uuid[] NOT NULL, -- whoever is or was asked, and whoever acted on it
    awaited          text CHECK (awaited IN ('acknowledgement', 'answer')), -- NULL: nothing is left to do
    due_by           date, -- by when those who are asked are to act
    state_version    bigint NOT NULL, -- of these two
    promised_by      date, -- to its author
    promised_version bigint NOT NULL,
    answered_at      timestamptz
);
CREATE INDEX feedback_open_by_involved ON feedback USING gin (involved) WHERE awaited IS NOT NULL;
CREATE INDEX feedback_open_in_a_municipality ON feedback (ags) WHERE awaited IS NOT NULL;
CREATE INDEX feedback_of_a_municipality ON feedback (ags);
CREATE INDEX feedback_by_author ON feedback (author_id) WHERE author_id IS NOT NULL;
CREATE INDEX feedback_answered ON feedback (answered_at) WHERE answered_at IS NOT NULL;

CREATE TABLE deliveries (
    delivery_id uuid PRIMARY KEY,
    version     bigint NOT NULL,
    person_id   uuid NOT NULL,
    subject_id  uuid NOT NULL,
    ags         text, -- NULL: no municipality's
    kind        text NOT NULL,
    category    text NOT NULL,
    failed_as   text, -- NULL: settled
    reason      text,
    since       timestamptz NOT NULL
);
CREATE INDEX deliveries_of_a_municipality ON deliveries (ags) WHERE failed_as IS NOT NULL;
CREATE INDEX deliveries_to_a_person ON deliveries (person_id);
CREATE INDEX deliveries_settled ON deliveries (since) WHERE failed_as IS NULL;

GRANT SELECT ON meetings, invitations, feedback, deliveries TO :api_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON meetings, invitations, feedback, deliveries TO :worker_role;

-- The owning services' own rules. `emon.everywhere`, `emon.municipalities` and `emon.person` are the scope of meeting.read,
-- `emon.feedback_…` and `emon.delivery_…` those of feedback.answer and delivery.read; see reach.py.
ALTER TABLE invitations ENABLE ROW LEVEL SECURITY;
ALTER TABLE invitations FORCE ROW LEVEL SECURITY;
CREATE POLICY in_reach ON invitations FOR SELECT TO :api_role USING (
    (SELECT current_setting('emon.everywhere', true) = 'on')
    OR ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
    OR person_id = (SELECT nullif(current_setting('emon.person', true), '')::uuid)
);
CREATE POLICY worker ON invitations TO :worker_role USING (true) WITH CHECK (true);

ALTER TABLE meetings ENABLE ROW LEVEL SECURITY;
ALTER TABLE meetings FORCE ROW LEVEL SECURITY;
CREATE POLICY in_reach ON meetings FOR SELECT TO :api_role USING (
    (SELECT current_setting('emon.everywhere', true) = 'on')
    OR ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
    OR EXISTS (SELECT FROM invitations AS mine WHERE mine.meeting_id = meetings.meeting_id)
);
CREATE POLICY worker ON meetings TO :worker_role USING (true) WITH CHECK (true);

-- Never of its author, who is nobody to answer it. What is about a person is shown to those alone who were asked, whom feedback
-- chose so that the person is not among them: whom it is about is not known here. No clause for those who may act everywhere.
ALTER TABLE feedback ENABLE ROW LEVEL SECURITY;
ALTER TABLE feedback FORCE ROW LEVEL SECURITY;
CREATE POLICY in_reach ON feedback FOR SELECT TO :api_role USING (
    author_id IS DISTINCT FROM (SELECT nullif(current_setting('emon.person', true), '')::uuid)
    AND (
        involved @> ARRAY[(SELECT nullif(current_setting('emon.person', true), '')::uuid)]
        OR (
            NOT confidential
            AND ags = ANY ((SELECT string_to_array(current_setting('emon.feedback_municipalities', true), ','))::text[])
        )
    )
);
CREATE POLICY worker ON feedback TO :worker_role USING (true) WITH CHECK (true);

-- The administration counts what it does not read: the owner alone sees every row, and its function answers numbers.
CREATE POLICY counted ON feedback FOR SELECT TO CURRENT_USER USING (true);
CREATE FUNCTION count_feedback(wanted text[], today date, since timestamptz)
RETURNS TABLE (ags text, open bigint, overdue bigint, answered bigint, answered_in_time bigint)
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT
        ags,
        count(*) FILTER (WHERE awaited IS NOT NULL),
        count(*) FILTER (WHERE awaited IS NOT NULL AND coalesce(promised_by, due_by) < today),
        count(*) FILTER (WHERE answered_at >= since),
        count(*) FILTER (
            WHERE answered_at >= since
              AND (answered_at AT TIME ZONE 'Europe/Berlin')::date <= coalesce(promised_by, 'infinity')
        )
    FROM public.feedback
    WHERE ags = ANY (wanted)
      AND current_setting('emon.everywhere', true) = 'on'
    GROUP BY ags
$$;
REVOKE EXECUTE ON FUNCTION count_feedback FROM PUBLIC;
GRANT EXECUTE ON FUNCTION count_feedback TO :api_role;

-- Who wrote feedback and who is to answer it is for those who may read it, and for the administration.
ALTER TABLE deliveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE deliveries FORCE ROW LEVEL SECURITY;
CREATE POLICY in_reach ON deliveries FOR SELECT TO :api_role USING (
    (SELECT current_setting('emon.delivery_everywhere', true) = 'on')
    OR (
        ags = ANY ((SELECT string_to_array(current_setting('emon.delivery_municipalities', true), ','))::text[])
        AND (
            category <> 'feedback'
            OR ags = ANY ((SELECT string_to_array(current_setting('emon.feedback_municipalities', true), ','))::text[])
        )
    )
);
CREATE POLICY worker ON deliveries TO :worker_role USING (true) WITH CHECK (true);
