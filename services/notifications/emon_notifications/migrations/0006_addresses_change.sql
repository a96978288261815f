-- Where people are written to about a change of their address: at the proposed one, and at the former one once it is confirmed.
-- What the directory says of it, and nothing longer.
CREATE TABLE address_changes (
    change_id   uuid PRIMARY KEY,
    confirmed   boolean NOT NULL,
    person_id   uuid NOT NULL,
    email       text NOT NULL,
    email_key   text NOT NULL,
    revision    integer NOT NULL, -- stands in the link
    by_themself boolean NOT NULL,
    proposed_at timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL
);
CREATE INDEX address_changes_of_a_person ON address_changes (person_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON address_changes TO :worker_role;

-- No route reads it.
ALTER TABLE address_changes ENABLE ROW LEVEL SECURITY;
ALTER TABLE address_changes FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON address_changes TO :worker_role USING (true) WITH CHECK (true);
