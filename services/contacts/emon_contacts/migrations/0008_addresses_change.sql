-- Addresses that were proposed for people, until somebody who reads their mail confirms them; and which one was there before, until
-- a notice went to it.
CREATE TABLE address_changes (
    id           uuid PRIMARY KEY,
    person_id    uuid NOT NULL REFERENCES people ON DELETE CASCADE,
    revision     integer NOT NULL, -- the newest of a person can be confirmed; it stands in the link
    email        text NOT NULL,
    proposed_by  uuid NOT NULL,
    proposed_at  timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    confirmed_at timestamptz,
    former_email text CHECK (former_email IS NULL OR confirmed_at IS NOT NULL),
    UNIQUE (person_id, revision)
);

GRANT SELECT, INSERT, UPDATE (confirmed_at, former_email) ON address_changes TO :api_role;
GRANT SELECT, DELETE ON address_changes TO :worker_role;

-- In reach with its person. Nobody proposes in the name of another, and nobody confirms but for themselves: by a link about them.
ALTER TABLE address_changes ENABLE ROW LEVEL SECURITY;
ALTER TABLE address_changes FORCE ROW LEVEL SECURITY;
CREATE POLICY in_reach ON address_changes FOR SELECT TO :api_role
    USING (EXISTS (SELECT FROM people AS person WHERE person.id = address_changes.person_id));
CREATE POLICY proposed_in_reach ON address_changes FOR INSERT TO :api_role WITH CHECK (
    proposed_by = (SELECT nullif(current_setting('emon.caller', true), '')::uuid)
    AND EXISTS (SELECT FROM people AS person WHERE person.id = address_changes.person_id)
);
CREATE POLICY confirmed_by_themself ON address_changes FOR UPDATE TO :api_role
    USING (person_id = (SELECT nullif(current_setting('emon.person', true), '')::uuid));
CREATE POLICY worker ON address_changes TO :worker_role USING (true);
CREATE POLICY owner ON address_changes FOR SELECT TO CURRENT_USER USING (true);

-- The directory is told where somebody is to be written to about it.
DROP FUNCTION changed_people;
CREATE FUNCTION changed_people(ids uuid[])
RETURNS TABLE (
    id              uuid,
    display_name    text,
    email           text,
    locale          text,
    version         bigint,
    entered_by      uuid,
    working_days    text,
    memberships     jsonb,
    grants          jsonb,
    absences        jsonb,
    address_changes jsonb
)
LANGUAGE sql VOLATILE SECURITY DEFINER
BEGIN ATOMIC
    SELECT person.id,
           person.display_name,
           person.email,
           person.locale,
           person.version,
           person.entered_by,
           person.working_days,
           (SELECT coalesce(jsonb_agg(to_jsonb(membership) - 'person_id'
                                      ORDER BY membership.organisation_id, membership.ags, membership.engagement), '[]')
            FROM memberships AS membership WHERE membership.person_id = person.id),
           (SELECT coalesce(jsonb_agg(to_jsonb(held) - 'person_id' ORDER BY held.role, held.ags, held.organisation_id), '[]')
            FROM grants AS held WHERE held.person_id = person.id),
           (SELECT coalesce(jsonb_agg(to_jsonb(absence) - 'person_id' ORDER BY absence.first_day, absence.last_day), '[]')
            FROM absences AS absence WHERE absence.person_id = person.id),
           (
               SELECT coalesce(
                   jsonb_agg(
                       jsonb_build_object(
                           'change_id', change.id,
                           'revision', change.revision,
                           'email', CASE WHEN change.confirmed_at IS NULL THEN change.email ELSE change.former_email END,
                           'confirmed', change.confirmed_at IS NOT NULL,
                           'by_themself', change.proposed_by = person.id,
                           'proposed_at', change.proposed_at,
                           'expires_at', change.expires_at
                       )
                       ORDER BY change.revision
                   ),
                   '[]'
               )
               FROM address_changes AS change
               WHERE change.person_id = person.id
                 AND (
                     change.former_email IS NOT NULL
                     OR (
                         change.confirmed_at IS NULL
                         AND change.revision = (
                             SELECT max(newest.revision) FROM address_changes AS newest WHERE newest.person_id = person.id
                         )
                     )
                 )
           )
    FROM people AS person
    WHERE person.id = ANY (ids)
      AND person.xmin = pg_current_xact_id()::xid;
END;
REVOKE ALL ON FUNCTION changed_people FROM PUBLIC;
GRANT EXECUTE ON FUNCTION changed_people TO :api_role, :worker_role;
