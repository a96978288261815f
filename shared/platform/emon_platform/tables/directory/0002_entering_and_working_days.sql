-- Who entered a person, and when they work: deadlines count the working days of whoever is asked.
ALTER TABLE directory_people
    ADD COLUMN entered_by   uuid,
    ADD COLUMN working_days text, -- digits of ISO 8601 weekdays, such as 12345; NULL: Monday to Friday
    ADD CHECK (NOT erased OR (entered_by IS NULL AND working_days IS NULL));

CREATE TABLE directory_absences (
    person_id uuid NOT NULL REFERENCES directory_people ON DELETE CASCADE,
    first_day date NOT NULL,
    last_day  date NOT NULL,
    PRIMARY KEY (person_id, first_day, last_day)
);

GRANT SELECT ON directory_absences TO :api_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON directory_absences TO :worker_role;

-- An absence is in reach with its person.
ALTER TABLE directory_absences ENABLE ROW LEVEL SECURITY;
ALTER TABLE directory_absences FORCE ROW LEVEL SECURITY;
CREATE POLICY in_reach ON directory_absences FOR SELECT TO :api_role USING (
    EXISTS (SELECT FROM directory_people AS person WHERE person.person_id = directory_absences.person_id)
);
CREATE POLICY worker ON directory_absences TO :worker_role USING (true) WITH CHECK (true);
