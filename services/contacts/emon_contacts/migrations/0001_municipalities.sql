-- The official register of municipalities. A municipality that was merged into another is closed, never deleted.
GRANT USAGE ON SCHEMA public TO :api_role, :worker_role;

CREATE TABLE municipalities (
    ags           text COLLATE "C" PRIMARY KEY CHECK (ags ~ '^(0[1-9]|1[0-6])[0-9]{6}$'),
    state         text COLLATE "C" NOT NULL GENERATED ALWAYS AS (left(ags, 2)) STORED,
    name          text NOT NULL,
    search_key    text COLLATE "C" NOT NULL,
    type_code     text NOT NULL,
    population    integer NOT NULL,
    area_hectares integer NOT NULL,
    post_code     text,
    as_of         date NOT NULL, -- of the newest file that told of it
    closed_on     date,
    successor     text COLLATE "C" REFERENCES municipalities,
    version       bigint NOT NULL DEFAULT 1,
    CHECK (successor IS NULL OR (closed_on IS NOT NULL AND successor <> ags))
);
CREATE INDEX municipalities_by_name ON municipalities (search_key, ags);
CREATE INDEX municipalities_of_state_by_name ON municipalities (state, search_key, ags);
CREATE INDEX municipalities_successor ON municipalities (successor) WHERE successor IS NOT NULL;

GRANT SELECT, INSERT, UPDATE ON municipalities TO :api_role;
GRANT SELECT ON municipalities TO :worker_role;

-- Public data: everybody reads it, and only who acts everywhere writes it.
ALTER TABLE municipalities ENABLE ROW LEVEL SECURITY;
ALTER TABLE municipalities FORCE ROW LEVEL SECURITY;
CREATE POLICY anybody_reads ON municipalities FOR SELECT TO :api_role USING (true);
CREATE POLICY added_from_everywhere ON municipalities FOR INSERT TO :api_role
    WITH CHECK ((SELECT current_setting('emon.everywhere', true) = 'on'));
CREATE POLICY changed_from_everywhere ON municipalities FOR UPDATE TO :api_role
    USING ((SELECT current_setting('emon.everywhere', true) = 'on'));
CREATE POLICY worker ON municipalities FOR SELECT TO :worker_role USING (true);
