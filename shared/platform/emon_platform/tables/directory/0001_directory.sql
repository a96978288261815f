-- The local copy of the directory: who there is, as contacts published it. A row without data is a tombstone.
GRANT USAGE ON SCHEMA public TO :api_role, :worker_role;

CREATE TABLE directory_people (
    person_id    uuid PRIMARY KEY,
    version      bigint NOT NULL,
    display_name text,
    email        text,
    email_key    text,
    locale       text,
    erased       boolean NOT NULL DEFAULT false,
    CHECK (NOT erased OR (display_name IS NULL AND email IS NULL AND email_key IS NULL AND locale IS NULL))
);
CREATE INDEX directory_people_email_key ON directory_people (email_key) WHERE email_key IS NOT NULL;

CREATE TABLE directory_memberships (
    person_id       uuid NOT NULL REFERENCES directory_people ON DELETE CASCADE,
    organisation_id uuid NOT NULL,
    ags             text NOT NULL,
    engagement      text NOT NULL,
    PRIMARY KEY (person_id, organisation_id, ags, engagement)
);
CREATE INDEX directory_memberships_organisation ON directory_memberships (organisation_id, ags);
CREATE INDEX directory_memberships_ags ON directory_memberships (ags);

CREATE TABLE directory_grants (
    person_id       uuid NOT NULL REFERENCES directory_people ON DELETE CASCADE,
    role            text NOT NULL,
    ags             text,
    organisation_id uuid,
    UNIQUE NULLS NOT DISTINCT (person_id, role, ags, organisation_id)
);

CREATE TABLE directory_organisations (
    organisation_id uuid PRIMARY KEY,
    version         bigint NOT NULL,
    name            text,
    kind            text,
    municipalities  text[] NOT NULL DEFAULT '{}'
);
CREATE INDEX directory_organisations_municipalities ON directory_organisations USING gin (municipalities);

CREATE TABLE directory_municipalities (
    ags       text PRIMARY KEY,
    version   bigint NOT NULL,
    name      text,
    closed    boolean NOT NULL DEFAULT false,
    successor text
);

GRANT SELECT ON directory_people, directory_memberships, directory_grants, directory_organisations, directory_municipalities TO :api_role;
GRANT SELECT, INSERT, UPDATE, DELETE
    ON directory_people, directory_memberships, directory_grants, directory_organisations, directory_municipalities TO :worker_role;

-- Row-level security: the settings are read in sub-selects, which the planner evaluates once and not for every row.
ALTER TABLE directory_memberships ENABLE ROW LEVEL SECURITY;
ALTER TABLE directory_memberships FORCE ROW LEVEL SECURITY;
CREATE POLICY in_reach ON directory_memberships FOR SELECT TO :api_role USING (
    (SELECT current_setting('emon.everywhere', true) = 'on')
    OR ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
    OR organisation_id::text = ANY ((SELECT string_to_array(current_setting('emon.organisations', true), ','))::text[])
    OR person_id = (SELECT nullif(current_setting('emon.person', true), '')::uuid)
);
CREATE POLICY worker ON directory_memberships TO :worker_role USING (true) WITH CHECK (true);

ALTER TABLE directory_grants ENABLE ROW LEVEL SECURITY;
ALTER TABLE directory_grants FORCE ROW LEVEL SECURITY;
CREATE POLICY in_reach ON directory_grants FOR SELECT TO :api_role USING (
    (SELECT current_setting('emon.everywhere', true) = 'on')
    OR ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
    OR person_id = (SELECT nullif(current_setting('emon.person', true), '')::uuid)
);
CREATE POLICY worker ON directory_grants TO :worker_role USING (true) WITH CHECK (true);

-- A person is in reach through a membership or a grant that is.
ALTER TABLE directory_people ENABLE ROW LEVEL SECURITY;
ALTER TABLE directory_people FORCE ROW LEVEL SECURITY;
CREATE POLICY in_reach ON directory_people FOR SELECT TO :api_role USING (
    (SELECT current_setting('emon.everywhere', true) = 'on')
    OR person_id = (SELECT nullif(current_setting('emon.person', true), '')::uuid)
    OR EXISTS (SELECT FROM directory_memberships AS membership WHERE membership.person_id = directory_people.person_id)
    OR EXISTS (SELECT FROM directory_grants AS held WHERE held.person_id = directory_people.person_id)
);
CREATE POLICY worker ON directory_people TO :worker_role USING (true) WITH CHECK (true);

ALTER TABLE directory_organisations ENABLE ROW LEVEL SECURITY;
ALTER TABLE directory_organisations FORCE ROW LEVEL SECURITY;
CREATE POLICY in_reach ON directory_organisations FOR SELECT TO :api_role USING (
    (SELECT current_setting('emon.everywhere', true) = 'on')
    OR municipalities && ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
    OR organisation_id::text = ANY ((SELECT string_to_array(current_setting('emon.organisations', true), ','))::text[])
);
CREATE POLICY worker ON directory_organisations TO :worker_role USING (true) WITH CHECK (true);
