-- People, who belong to themselves; memberships, which belong to a municipality; grants beyond what a membership carries.
CREATE TABLE people (
    id           uuid PRIMARY KEY,
    display_name text NOT NULL,
    name_key     text COLLATE "C" NOT NULL,
    search_key   text COLLATE "C" NOT NULL,
    email        text,
    email_key    text COLLATE "C",
    locale       text NOT NULL,
    version      bigint NOT NULL DEFAULT 1,
    -- Makes entity tags that do not give the version away: it would tell whether somebody was known before.
    etag_seed    uuid NOT NULL DEFAULT gen_random_uuid(),
    CHECK ((email IS NULL) = (email_key IS NULL)),
    -- A person is recognised by address and name: couples share a mailbox.
    UNIQUE (email_key, name_key)
);
CREATE INDEX people_by_name ON people (search_key, id);

CREATE TABLE memberships (
    person_id       uuid NOT NULL REFERENCES people ON DELETE CASCADE,
    organisation_id uuid NOT NULL,
    ags             text COLLATE "C" NOT NULL,
    engagement      text NOT NULL CHECK (engagement IN ('staff', 'volunteer')),
    PRIMARY KEY (person_id, organisation_id, ags, engagement),
    FOREIGN KEY (organisation_id, ags) REFERENCES organisation_areas (organisation_id, ags)
);
CREATE INDEX memberships_of_organisation ON memberships (organisation_id, ags, person_id);
CREATE INDEX memberships_in_municipality ON memberships (ags, person_id);

CREATE TABLE grants (
    person_id       uuid NOT NULL REFERENCES people ON DELETE CASCADE,
    role            text NOT NULL CHECK (role IN ('network_admin', 'coordinator', 'staff', 'circle_speaker', 'volunteer')),
    ags             text COLLATE "C" REFERENCES municipalities,
    organisation_id uuid,
    UNIQUE NULLS NOT DISTINCT (person_id, role, ags, organisation_id),
    FOREIGN KEY (organisation_id, ags) REFERENCES organisation_areas (organisation_id, ags),
    CHECK ((role = 'network_admin') = (ags IS NULL)),
    CHECK ((role IN ('staff', 'circle_speaker', 'volunteer')) = (organisation_id IS NOT NULL))
);
CREATE INDEX grants_in_municipality ON grants (ags, person_id);
CREATE INDEX grants_of_organisation ON grants (organisation_id, ags, person_id);

GRANT SELECT, INSERT, UPDATE ON people TO :api_role, :worker_role;
GRANT SELECT, INSERT, DELETE ON memberships, grants TO :api_role, :worker_role;

ALTER TABLE memberships ENABLE ROW LEVEL SECURITY;
ALTER TABLE memberships FORCE ROW LEVEL SECURITY;
CREATE POLICY in_reach ON memberships FOR SELECT TO :api_role USING (
    (SELECT current_setting('emon.everywhere', true) = 'on')
    OR ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
    OR organisation_id::text = ANY ((SELECT string_to_array(current_setting('emon.organisations', true), ','))::text[])
    OR person_id = (SELECT nullif(current_setting('emon.person', true), '')::uuid)
);
CREATE POLICY added_in_own_municipality ON memberships FOR INSERT TO :api_role WITH CHECK (
    (SELECT current_setting('emon.everywhere', true) = 'on')
    OR ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
);
CREATE POLICY ended_in_own_municipality ON memberships FOR DELETE TO :api_role USING (
    (SELECT current_setting('emon.everywhere', true) = 'on')
    OR ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
);
CREATE POLICY worker ON memberships TO :worker_role USING (true) WITH CHECK (true);
CREATE POLICY owner ON memberships FOR SELECT TO CURRENT_USER USING (true);

ALTER TABLE grants ENABLE ROW LEVEL SECURITY;
ALTER TABLE grants FORCE ROW LEVEL SECURITY;
CREATE POLICY in_reach ON grants FOR SELECT TO :api_role USING (
    (SELECT current_setting('emon.everywhere', true) = 'on')
    OR ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
    OR organisation_id::text = ANY ((SELECT string_to_array(current_setting('emon.organisations', true), ','))::text[])
    OR person_id = (SELECT nullif(current_setting('emon.person', true), '')::uuid)
);
CREATE POLICY added_in_own_municipality ON grants FOR INSERT TO :api_role WITH CHECK (
    (SELECT current_setting('emon.everywhere', true) = 'on')
    OR ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
);
CREATE POLICY ended_in_own_municipality ON grants FOR DELETE TO :api_role USING (
    (SELECT current_setting('emon.everywhere', true) = 'on')
    OR ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
);
CREATE POLICY worker ON grants TO :worker_role USING (true) WITH CHECK (true);
CREATE POLICY owner ON grants FOR SELECT TO CURRENT_USER USING (true);

-- A person is in reach through a membership or a grant that is. A new one has none yet, so that anybody may add the bare row.
ALTER TABLE people ENABLE ROW LEVEL SECURITY;
ALTER TABLE people FORCE ROW LEVEL SECURITY;
CREATE POLICY in_reach ON people FOR SELECT TO :api_role USING (
    (SELECT current_setting('emon.everywhere', true) = 'on')
    OR id = (SELECT nullif(current_setting('emon.person', true), '')::uuid)
    OR EXISTS (SELECT FROM memberships AS membership WHERE membership.person_id = people.id)
    OR EXISTS (SELECT FROM grants AS held WHERE held.person_id = people.id)
);
CREATE POLICY added ON people FOR INSERT TO :api_role WITH CHECK (true);
CREATE POLICY changed_in_reach ON people FOR UPDATE TO :api_role USING (
    (SELECT current_setting('emon.everywhere', true) = 'on')
    OR EXISTS (SELECT FROM memberships AS membership WHERE membership.person_id = people.id)
    OR EXISTS (SELECT FROM grants AS held WHERE held.person_id = people.id)
);
CREATE POLICY worker ON people TO :worker_role USING (true) WITH CHECK (true);
CREATE POLICY owner ON people FOR SELECT TO CURRENT_USER USING (true);

-- Recognises people across municipalities, which no caller may look into: answers ids for exact pairs of address and name.
CREATE FUNCTION known_people(email_keys text[], name_keys text[])
RETURNS TABLE (email_key text, name_key text, person_id uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER
BEGIN ATOMIC
    SELECT person.email_key, person.name_key, person.id
    FROM unnest(email_keys, name_keys) AS wanted (email_key, name_key)
    JOIN people AS person ON person.email_key = wanted.email_key AND person.name_key = wanted.name_key;
END;
REVOKE ALL ON FUNCTION known_people FROM PUBLIC;
GRANT EXECUTE ON FUNCTION known_people TO :api_role, :worker_role;

-- What the directory is told of people whom this very transaction changed: all memberships and grants, whoever changed them.
-- `xmin` is the transaction that wrote the row, so that nobody's state can be read by this without changing it.
CREATE FUNCTION changed_people(ids uuid[])
RETURNS TABLE (id uuid, display_name text, email text, locale text, version bigint, memberships jsonb, grants jsonb)
LANGUAGE sql VOLATILE SECURITY DEFINER
BEGIN ATOMIC
    SELECT person.id,
           person.display_name,
           person.email,
           person.locale,
           person.version,
           (SELECT coalesce(jsonb_agg(to_jsonb(membership) - 'person_id'
                                      ORDER BY membership.organisation_id, membership.ags, membership.engagement), '[]')
            FROM memberships AS membership WHERE membership.person_id = person.id),
           (SELECT coalesce(jsonb_agg(to_jsonb(held) - 'person_id' ORDER BY held.role, held.ags, held.organisation_id), '[]')
            FROM grants AS held WHERE held.person_id = person.id)
    FROM people AS person
    WHERE person.id = ANY (ids)
      AND person.xmin = pg_current_xact_id()::xid;
END;
REVOKE ALL ON FUNCTION changed_people FROM PUBLIC;
GRANT EXECUTE ON FUNCTION changed_people TO :api_role, :worker_role;
