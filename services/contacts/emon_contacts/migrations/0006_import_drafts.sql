-- Lists of people that are matched, looked over and taken step by step, for 24 hours, for the person who handed them in alone.
CREATE TABLE import_drafts (
    id                      uuid PRIMARY KEY,
    drafted_by              uuid NOT NULL,
    sheet                   text, -- NULL: a file without sheets
    header                  text[] NOT NULL,
    fields                  text[] NOT NULL, -- what each column holds; NULL where it does not matter
    default_organisation_id uuid,
    default_engagement      text,
    default_ags             text,
    default_locale          text,
    row_count               integer NOT NULL,
    expected                jsonb, -- how many rows with which outcome; NULL until the columns are matched
    position                integer NOT NULL DEFAULT 0, -- the number of the last row that was taken
    taken                   jsonb NOT NULL DEFAULT '{}', -- how many rows with which outcome
    created_at              timestamptz NOT NULL DEFAULT now(),
    CHECK (cardinality(fields) = cardinality(header))
);
CREATE INDEX import_drafts_created_at ON import_drafts (created_at);

-- What is still to be taken, and what was refused. A row that was taken is gone.
CREATE TABLE import_draft_rows (
    draft_id uuid NOT NULL REFERENCES import_drafts ON DELETE CASCADE,
    number   integer NOT NULL, -- in the file
    cells    text[] NOT NULL,
    outcome  text CHECK (outcome IN ('new', 'changed', 'unchanged', 'refused')),
    refusals jsonb NOT NULL DEFAULT '[]',
    PRIMARY KEY (draft_id, number)
);

GRANT SELECT, INSERT, UPDATE ON import_drafts TO :api_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON import_draft_rows TO :api_role;
GRANT SELECT, DELETE ON import_drafts TO :worker_role;

ALTER TABLE import_drafts ENABLE ROW LEVEL SECURITY;
ALTER TABLE import_drafts FORCE ROW LEVEL SECURITY;
CREATE POLICY own_drafts ON import_drafts TO :api_role
    USING (drafted_by = (SELECT nullif(current_setting('emon.caller', true), '')::uuid))
    WITH CHECK (drafted_by = (SELECT nullif(current_setting('emon.caller', true), '')::uuid));
CREATE POLICY worker ON import_drafts TO :worker_role USING (true);

ALTER TABLE import_draft_rows ENABLE ROW LEVEL SECURITY;
ALTER TABLE import_draft_rows FORCE ROW LEVEL SECURITY;
CREATE POLICY of_own_drafts ON import_draft_rows TO :api_role
    USING (draft_id IN (SELECT draft.id FROM import_drafts AS draft))
    WITH CHECK (draft_id IN (SELECT draft.id FROM import_drafts AS draft));

-- Whoever erases themselves is forgotten in the lists of others too: a row goes when their address stands in it, or every word
-- of their name, in one cell or in several. A draft goes whole where its header names them, and with the person who handed it in.
CREATE POLICY owner_reads ON import_drafts FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY owner_forgets ON import_drafts FOR DELETE TO CURRENT_USER USING (true);
CREATE POLICY owner_reads ON import_draft_rows FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY owner_forgets ON import_draft_rows FOR DELETE TO CURRENT_USER USING (true);
CREATE FUNCTION words_of(cells text[]) RETURNS text[]
LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    SELECT array_remove(
        regexp_split_to_array(lower(normalize(array_to_string(cells, ' '), NFKC)), '[\s\ufeff",;|()]+'), ''
    );
END;
CREATE FUNCTION cells_name(cells text[], email_key text, display_name text) RETURNS boolean
LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    SELECT coalesce(strpos(lower(array_to_string(cells, ' ')), email_key) > 0, false)
        OR (cardinality(words_of(ARRAY[display_name])) > 0 AND words_of(cells) @> words_of(ARRAY[display_name]));
END;
CREATE FUNCTION forget_import_drafts_of_caller() RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
BEGIN ATOMIC
    DELETE FROM import_drafts AS draft
    USING people AS person
    WHERE person.id = nullif(current_setting('emon.person', true), '')::uuid
      AND (
          draft.drafted_by = person.id
          OR cells_name(draft.header || coalesce(draft.sheet, ''), person.email_key, person.display_name)
      );
    DELETE FROM import_draft_rows AS listed
    USING people AS person
    WHERE person.id = nullif(current_setting('emon.person', true), '')::uuid
      AND cells_name(listed.cells, person.email_key, person.display_name);
END;
REVOKE ALL ON FUNCTION words_of, cells_name, forget_import_drafts_of_caller FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_import_drafts_of_caller TO :api_role;
