-- What came of an import: the rows that were not taken, for 24 hours, for the person who sent them and nobody else.
CREATE TABLE imports (
    id           uuid PRIMARY KEY,
    resource     text NOT NULL CHECK (resource IN ('organisations', 'people')),
    imported_by  uuid NOT NULL,
    rejected_csv bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX imports_created_at ON imports (created_at);

GRANT SELECT, INSERT ON imports TO :api_role;
GRANT SELECT, DELETE ON imports TO :worker_role;

ALTER TABLE imports ENABLE ROW LEVEL SECURITY;
ALTER TABLE imports FORCE ROW LEVEL SECURITY;
CREATE POLICY own_imports ON imports TO :api_role
    USING (imported_by = (SELECT nullif(current_setting('emon.caller', true), '')::uuid))
    WITH CHECK (imported_by = (SELECT nullif(current_setting('emon.caller', true), '')::uuid));
CREATE POLICY worker ON imports TO :worker_role USING (true);
