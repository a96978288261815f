-- Events that are committed and not yet in Kafka. The relay reads them in order and deletes what the broker acknowledged.
GRANT USAGE ON SCHEMA public TO :api_role, :worker_role;

CREATE TABLE outbox (
    position   bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    topic      text NOT NULL,
    key        bytea NOT NULL,
    headers    text NOT NULL, -- a JSON array of [name, value]
    value      bytea, -- NULL is a tombstone
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);

-- A request may add to the outbox and never read it: it holds the events of every tenant.
GRANT INSERT ON outbox TO :api_role;
GRANT SELECT, INSERT, DELETE ON outbox TO :worker_role;
