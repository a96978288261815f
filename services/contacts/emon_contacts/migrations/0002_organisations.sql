-- Organisations, and the municipalities in which each is active.
CREATE TABLE organisations (
    id         uuid PRIMARY KEY,
    name       text NOT NULL,
    search_key text COLLATE "C" NOT NULL,
    kind       text NOT NULL,
    version    bigint NOT NULL DEFAULT 1
);
CREATE INDEX organisations_by_name ON organisations (search_key, id);

-- In a municipality a name stands for one organisation. Both keys of the name are repeated here from the organisation: one so
-- that the constraint can say so, the other so that a municipality's list is read in order from one index.
CREATE TABLE organisation_areas (
    organisation_id uuid NOT NULL REFERENCES organisations,
    ags             text COLLATE "C" NOT NULL REFERENCES municipalities,
    name_key        text COLLATE "C" NOT NULL,
    search_key      text COLLATE "C" NOT NULL,
    PRIMARY KEY (organisation_id, ags),
    UNIQUE (ags, name_key)
);
CREATE INDEX organisation_areas_by_name ON organisation_areas (ags, search_key, organisation_id);
CREATE INDEX organisation_areas_name_key ON organisation_areas (name_key);

GRANT SELECT, INSERT, UPDATE ON organisations, organisation_areas TO :api_role;
GRANT SELECT ON organisations, organisation_areas TO :worker_role;

ALTER TABLE organisation_areas ENABLE ROW LEVEL SECURITY;
ALTER TABLE organisation_areas FORCE ROW LEVEL SECURITY;
CREATE POLICY in_reach ON organisation_areas FOR SELECT TO :api_role USING (
    (SELECT current_setting('emon.everywhere', true) = 'on')
    OR ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
    OR organisation_id::text = ANY ((SELECT string_to_array(current_setting('emon.organisations', true), ','))::text[])
);
CREATE POLICY added_in_own_municipality ON organisation_areas FOR INSERT TO :api_role WITH CHECK (
    (SELECT current_setting('emon.everywhere', true) = 'on')
    OR ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
);
CREATE POLICY changed_in_own_municipality ON organisation_areas FOR UPDATE TO :api_role USING (
    (SELECT current_setting('emon.everywhere', true) = 'on')
    OR ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
);
CREATE POLICY worker ON organisation_areas FOR SELECT TO :worker_role USING (true);
CREATE POLICY owner ON organisation_areas FOR SELECT TO CURRENT_USER USING (true);

-- An organisation is in reach through an area that is. A new one has none yet, so that anybody may add the bare row.
ALTER TABLE organisations ENABLE ROW LEVEL SECURITY;
ALTER TABLE organisations FORCE ROW LEVEL SECURITY;
CREATE POLICY in_reach ON organisations FOR SELECT TO :api_role USING (
    (SELECT current_setting('emon.everywhere', true) = 'on')
    OR EXISTS (SELECT FROM organisation_areas AS area WHERE area.organisation_id = organisations.id)
);
CREATE POLICY added ON organisations FOR INSERT TO :api_role WITH CHECK (true);
CREATE POLICY changed_in_reach ON organisations FOR UPDATE TO :api_role USING (
    (SELECT current_setting('emon.everywhere', true) = 'on')
    OR EXISTS (SELECT FROM organisation_areas AS area WHERE area.organisation_id = organisations.id)
);
CREATE POLICY worker ON organisations FOR SELECT TO :worker_role USING (true);
CREATE POLICY owner ON organisations FOR SELECT TO CURRENT_USER USING (true);

-- What the directory is told of organisations that this very transaction changed: all their municipalities, whoever changed
-- them. `xmin` is the transaction that wrote the row, so that nobody's state can be read by this without changing it.
CREATE FUNCTION changed_organisations(ids uuid[])
RETURNS TABLE (id uuid, name text, kind text, version bigint, municipalities text[])
LANGUAGE sql VOLATILE SECURITY DEFINER
BEGIN ATOMIC
    SELECT organisation.id,
           organisation.name,
           organisation.kind,
           organisation.version,
           ARRAY(SELECT area.ags FROM organisation_areas AS area WHERE area.organisation_id = organisation.id ORDER BY area.ags)
    FROM organisations AS organisation
    WHERE organisation.id = ANY (ids)
      AND organisation.xmin = pg_current_xact_id()::xid;
END;
REVOKE ALL ON FUNCTION changed_organisations FROM PUBLIC;
GRANT EXECUTE ON FUNCTION changed_organisations TO :api_role;
