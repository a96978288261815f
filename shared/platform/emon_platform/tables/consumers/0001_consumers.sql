-- Where a consumer stands, what it has handled, and what it could not read.
GRANT USAGE ON SCHEMA public TO :api_role, :worker_role;

CREATE TABLE consumer_offsets (
    consumer    text NOT NULL,
    topic       text NOT NULL,
    partition   integer NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (consumer, topic, partition)
) WITH (fillfactor = 50);

CREATE TABLE inbox (
    event_id    uuid PRIMARY KEY,
    received_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX inbox_received_at ON inbox USING brin (received_at);

CREATE TABLE dead_letters (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumer    text NOT NULL,
    topic       text NOT NULL,
    partition   integer NOT NULL,
    "offset"    bigint NOT NULL,
    key         bytea,
    headers     jsonb NOT NULL, -- [name, base64 of the value or null]
    value       bytea,
    reason      text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    retry       boolean NOT NULL DEFAULT false, -- an operator wants it to be tried again
    UNIQUE (consumer, topic, partition, "offset")
);

CREATE INDEX dead_letters_to_retry ON dead_letters (id) WHERE retry;

GRANT SELECT, INSERT, UPDATE, DELETE ON consumer_offsets, inbox, dead_letters TO :worker_role;
