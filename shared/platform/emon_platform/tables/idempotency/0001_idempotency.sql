-- What a POST with an Idempotency-Key made, for 24 hours. Neither the key nor the request is stored, only keyed hashes.
CREATE TABLE idempotency_keys (
    person_id    uuid NOT NULL,
    route        text NOT NULL,
    key_hash     bytea NOT NULL,
    request_hash bytea NOT NULL,
    resource_id  uuid,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (person_id, route, key_hash)
);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);

ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY own_keys ON idempotency_keys TO :api_role
    USING (person_id = (SELECT nullif(current_setting('emon.caller', true), '')::uuid))
    WITH CHECK (person_id = (SELECT nullif(current_setting('emon.caller', true), '')::uuid));
CREATE POLICY worker ON idempotency_keys TO :worker_role USING (true) WITH CHECK (true);

GRANT SELECT, INSERT, UPDATE ON idempotency_keys TO :api_role;
GRANT SELECT, DELETE ON idempotency_keys TO :worker_role;
