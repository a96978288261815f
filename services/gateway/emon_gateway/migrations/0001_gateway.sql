-- Sign-in: who asked for a link, which links were used, and which sessions are open.
GRANT USAGE ON SCHEMA public TO :api_role, :worker_role;

-- Somebody asked for a link. The request is answered before anybody looks whether the mailbox is known.
CREATE TABLE sign_in_requests (
    id           uuid PRIMARY KEY,
    email_key    text NOT NULL,
    requested_at timestamptz NOT NULL,
    look_at      timestamptz NOT NULL
);
CREATE INDEX sign_in_requests_look_at ON sign_in_requests (look_at);

-- A link signs in once. The person belongs to the key because one mail can hold links for several people.
CREATE TABLE used_sign_in_links (
    identifier uuid NOT NULL,
    person_id  uuid NOT NULL,
    used_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL, -- the link's own; from then on the row says nothing new
    PRIMARY KEY (identifier, person_id)
);
CREATE INDEX used_sign_in_links_expires_at ON used_sign_in_links (expires_at);

-- Only the hash of an access token is stored: whoever reads this table cannot act as anybody.
CREATE TABLE sessions (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    person_id  uuid NOT NULL,
    opened_at  timestamptz NOT NULL,
    used_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_person_id ON sessions (person_id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

GRANT INSERT ON sign_in_requests TO :api_role;
GRANT SELECT, UPDATE, DELETE ON sign_in_requests TO :worker_role;
GRANT SELECT, INSERT ON used_sign_in_links TO :api_role;
GRANT SELECT, DELETE ON used_sign_in_links TO :worker_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO :api_role;
GRANT SELECT, DELETE ON sessions TO :worker_role;

-- A route can leave a request and never read one.
ALTER TABLE sign_in_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE sign_in_requests FORCE ROW LEVEL SECURITY;
CREATE POLICY left_by_anybody ON sign_in_requests FOR INSERT TO :api_role WITH CHECK (true);
CREATE POLICY worker ON sign_in_requests TO :worker_role USING (true) WITH CHECK (true);

-- emon.person is set from a link or a session that was verified before.
ALTER TABLE used_sign_in_links ENABLE ROW LEVEL SECURITY;
ALTER TABLE used_sign_in_links FORCE ROW LEVEL SECURITY;
CREATE POLICY own_links ON used_sign_in_links TO :api_role
    USING (person_id = (SELECT nullif(current_setting('emon.person', true), '')::uuid))
    WITH CHECK (person_id = (SELECT nullif(current_setting('emon.person', true), '')::uuid));
CREATE POLICY worker ON used_sign_in_links TO :worker_role USING (true) WITH CHECK (true);

-- A session is in reach of whoever holds its token, and of nobody else.
ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE sessions FORCE ROW LEVEL SECURITY;
CREATE POLICY of_the_token ON sessions TO :api_role
    USING (token_hash = (SELECT decode(current_setting('emon.session', true), 'hex')))
    WITH CHECK (token_hash = (SELECT decode(current_setting('emon.session', true), 'hex')));
CREATE POLICY worker ON sessions TO :worker_role USING (true) WITH CHECK (true);

-- Whose session a token opens, and what the directory says about them, in one round trip: every request begins with it.
-- It has the rights of its caller and no more; what it sets ends with the statement's own transaction.
CREATE FUNCTION caller_of_session(wanted_hash bytea)
RETURNS TABLE (
    person_id    uuid,
    opened_at    timestamptz,
    used_at      timestamptz,
    expires_at   timestamptz,
    display_name text,
    email        text,
    locale       text,
    memberships  jsonb,
    grants       jsonb
)
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
DECLARE
    session sessions;
BEGIN
    PERFORM set_config('emon.session', encode(wanted_hash, 'hex'), true);
    SELECT * INTO session FROM sessions WHERE token_hash = wanted_hash;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    PERFORM set_config('emon.person', session.person_id::text, true);
    RETURN QUERY
    SELECT
        session.person_id,
        session.opened_at,
        session.used_at,
        session.expires_at,
        person.display_name,
        person.email,
        person.locale,
        (
            SELECT coalesce(
                jsonb_agg(
                    jsonb_build_object('organisation_id', organisation_id, 'ags', ags, 'engagement', engagement)
                    ORDER BY ags, organisation_id, engagement
                ),
                '[]'
            )
            FROM directory_memberships
            WHERE person_id = session.person_id
        ),
        (
            SELECT coalesce(
                jsonb_agg(
                    jsonb_build_object('role', role, 'ags', ags, 'organisation_id', organisation_id)
                    ORDER BY role, ags, organisation_id
                ),
                '[]'
            )
            FROM directory_grants
            WHERE person_id = session.person_id
        )
    FROM directory_people AS person
    WHERE person.person_id = session.person_id
      AND NOT person.erased;
END
$$;
REVOKE EXECUTE ON FUNCTION caller_of_session FROM PUBLIC;
GRANT EXECUTE ON FUNCTION caller_of_session TO :api_role;
