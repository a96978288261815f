-- Where Kafka remembers more of a consumer than its own database does: the database went back in time. One row for each partition.
CREATE TABLE restores (
    consumer      text NOT NULL,
    topic         text NOT NULL,
    partition     integer NOT NULL,
    stored_offset bigint NOT NULL, -- 0 where the database had none
    kafka_offset  bigint NOT NULL,
    restored_at   timestamptz NOT NULL DEFAULT now(), -- when it was noticed; everything from before is in doubt
    -- Seen once more, before Kafka's copy was put right, it is the same restore.
    PRIMARY KEY (consumer, topic, partition, stored_offset, kafka_offset)
);

GRANT SELECT, INSERT ON restores TO :worker_role;
