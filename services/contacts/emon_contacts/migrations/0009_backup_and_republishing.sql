-- A backup is taken by the worker, which therefore reads every table.
GRANT SELECT ON import_draft_rows TO :worker_role;
CREATE POLICY worker ON import_draft_rows FOR SELECT TO :worker_role USING (true);

-- To publish the directory anew, the worker raises every version: a copy takes what is newer than it has.
GRANT UPDATE (version) ON municipalities, organisations TO :worker_role;
CREATE POLICY worker_raises ON municipalities FOR UPDATE TO :worker_role USING (true);
CREATE POLICY worker_raises ON organisations FOR UPDATE TO :worker_role USING (true);
GRANT EXECUTE ON FUNCTION changed_organisations TO :worker_role;
