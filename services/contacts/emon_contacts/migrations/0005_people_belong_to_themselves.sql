-- A person belongs to themselves: who entered them, when they work, and what is left once they erased themselves.
ALTER TABLE people
    ADD COLUMN entered_by   uuid, -- NULL: the operator, or before this was noted
    ADD COLUMN working_days text CHECK (working_days ~ '^1?2?3?4?5?6?7?$' AND working_days <> ''); -- ISO 8601; NULL: Monday to Friday

CREATE TABLE absences (
    person_id uuid NOT NULL REFERENCES people ON DELETE CASCADE,
    first_day date NOT NULL,
    last_day  date NOT NULL CHECK (last_day >= first_day),
    PRIMARY KEY (person_id, first_day, last_day)
);
CREATE INDEX absences_last_day ON absences (last_day);

-- What identifies nobody: so that a second erasure is the same as the first, and its record is ended for good in Kafka.
CREATE TABLE erased_people (
    id                 uuid PRIMARY KEY,
    version            bigint NOT NULL, -- of the tombstone
    erased_at          timestamptz NOT NULL DEFAULT now(),
    announced_again_at timestamptz
);
CREATE INDEX erased_people_to_announce ON erased_people (erased_at) WHERE announced_again_at IS NULL;

GRANT SELECT, INSERT, DELETE ON absences TO :api_role, :worker_role;
GRANT DELETE ON people TO :api_role;
GRANT SELECT, INSERT ON erased_people TO :api_role;
GRANT SELECT, UPDATE ON erased_people TO :worker_role;

-- Whoever acts for themselves, in a session or by a link about themselves.
CREATE POLICY changed_by_themself ON people FOR UPDATE TO :api_role
    USING (id = (SELECT nullif(current_setting('emon.person', true), '')::uuid));
CREATE POLICY erased_by_themself ON people FOR DELETE TO :api_role
    USING (id = (SELECT nullif(current_setting('emon.person', true), '')::uuid));

-- An absence is in reach with its person.
ALTER TABLE absences ENABLE ROW LEVEL SECURITY;
ALTER TABLE absences FORCE ROW LEVEL SECURITY;
CREATE POLICY in_reach ON absences TO :api_role
    USING (EXISTS (SELECT FROM people AS person WHERE person.id = absences.person_id));
CREATE POLICY worker ON absences TO :worker_role USING (true) WITH CHECK (true);
CREATE POLICY owner ON absences FOR SELECT TO CURRENT_USER USING (true);

ALTER TABLE erased_people ENABLE ROW LEVEL SECURITY;
ALTER TABLE erased_people FORCE ROW LEVEL SECURITY;
CREATE POLICY themself ON erased_people TO :api_role
    USING (id = (SELECT nullif(current_setting('emon.person', true), '')::uuid))
    WITH CHECK (id = (SELECT nullif(current_setting('emon.person', true), '')::uuid));
CREATE POLICY worker ON erased_people TO :worker_role USING (true);

-- The directory is told of the rest as well.
DROP FUNCTION changed_people;
CREATE FUNCTION changed_people(ids uuid[])
RETURNS TABLE (
    id           uuid,
    display_name text,
    email        text,
    locale       text,
    version      bigint,
    entered_by   uuid,
    working_days text,
    memberships  jsonb,
    grants       jsonb,
    absences     jsonb
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
            FROM absences AS absence WHERE absence.person_id = person.id)
    FROM people AS person
    WHERE person.id = ANY (ids)
      AND person.xmin = pg_current_xact_id()::xid;
END;
REVOKE ALL ON FUNCTION changed_people FROM PUBLIC;
GRANT EXECUTE ON FUNCTION changed_people TO :api_role, :worker_role;

-- Keeps people who were recognised from being erased until the commit; answers who is still there. A lock on rows that a
-- caller may not see, which tells nothing that `known_people` does not. Locking asks for a policy for changes too.
CREATE POLICY owner_holds ON people FOR UPDATE TO CURRENT_USER USING (true);
CREATE FUNCTION hold_people(ids uuid[])
RETURNS SETOF uuid
LANGUAGE sql VOLATILE SECURITY DEFINER
BEGIN ATOMIC
    SELECT person.id FROM people AS person WHERE person.id = ANY (ids) ORDER BY person.id FOR KEY SHARE;
END;
REVOKE ALL ON FUNCTION hold_people FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hold_people TO :api_role, :worker_role;

-- Names of what a person's own record refers to, which they may not look up themselves: their organisations, and who entered them.
CREATE FUNCTION names_in_own_record()
RETURNS TABLE (id uuid, name text)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
    WITH themself AS (
        SELECT person.id, person.entered_by
        FROM people AS person
        WHERE person.id = nullif(current_setting('emon.person', true), '')::uuid
    )
    SELECT organisation.id, organisation.name
    FROM organisations AS organisation
    WHERE organisation.id IN (
        SELECT membership.organisation_id FROM memberships AS membership JOIN themself ON themself.id = membership.person_id
        UNION
        SELECT held.organisation_id FROM grants AS held JOIN themself ON themself.id = held.person_id
    )
    UNION ALL
    SELECT enterer.id, enterer.display_name
    FROM themself
    JOIN people AS enterer ON enterer.id = themself.entered_by;
END;
REVOKE ALL ON FUNCTION names_in_own_record FROM PUBLIC;
GRANT EXECUTE ON FUNCTION names_in_own_record TO :api_role;

-- Whether the platform would be without administration once the caller is gone.
CREATE FUNCTION is_last_administrator() RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER
BEGIN ATOMIC
    SELECT coalesce(bool_and(held.person_id = nullif(current_setting('emon.person', true), '')::uuid), false)
    FROM grants AS held
    WHERE held.role = 'network_admin';
END;
REVOKE ALL ON FUNCTION is_last_administrator FROM PUBLIC;
GRANT EXECUTE ON FUNCTION is_last_administrator TO :api_role;

-- Rejected rows of imports can name somebody, whoever sent them. A file goes whole when the caller's address stands in it, or their
-- name in a cell of its own; and what they sent themselves goes too.
CREATE POLICY owner_reads ON imports FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY owner_forgets ON imports FOR DELETE TO CURRENT_USER USING (true);
CREATE FUNCTION cells_as_lines(content text) RETURNS text
LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    SELECT E'\n'
        || regexp_replace(
               regexp_replace(lower(normalize(content, NFKC)), ' +', ' ', 'g'), '[ ]?[",;\t|\r\n\ufeff]+[ ]?', E'\n', 'g'
           )
        || E'\n';
END;
CREATE FUNCTION forget_rejected_rows_of_caller() RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
BEGIN ATOMIC
    DELETE FROM imports
    USING people AS person
    WHERE person.id = nullif(current_setting('emon.person', true), '')::uuid
      AND CASE
          WHEN imports.imported_by = person.id THEN true
          -- PostgreSQL's text has no NUL: a file with one cannot be searched, and goes too.
          WHEN position('\x00'::bytea IN imports.rejected_csv) > 0 THEN true
          WHEN strpos(lower(convert_from(imports.rejected_csv, 'UTF8')), person.email_key) > 0 THEN true
          ELSE strpos(
              cells_as_lines(convert_from(imports.rejected_csv, 'UTF8')), cells_as_lines(person.display_name)
          ) > 0
      END;
END;
REVOKE ALL ON FUNCTION cells_as_lines, forget_rejected_rows_of_caller FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_rejected_rows_of_caller TO :api_role;
