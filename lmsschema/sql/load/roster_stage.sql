-- A table for what a roster says, until the transaction ends. What has a reason is rejected.
CREATE TEMPORARY TABLE roster_stage (
    number integer PRIMARY KEY,
    kind text NOT NULL,
    source_id uuid NOT NULL,
    line bigint NOT NULL,
    position bigint NOT NULL,
    length bigint NOT NULL,
    raw bytea NOT NULL,
    key text NOT NULL,
    made uuid,
    data jsonb NOT NULL,
    id uuid,
    user_id uuid,
    course_id uuid,
    reason text,
    detail text
) ON COMMIT DROP
