-- Webhooks. The events are the outbox: each webhook has a place in them up to which deliveries were made. The same portable
-- SQL as before.

ALTER TABLE events ADD COLUMN webhook_id TEXT;

-- cursor: the number of the event up to which deliveries were made. replay_after, replay_to: the events after this number up
-- to that one are being sent again; replay_all: also those that were delivered. failing_since: nothing was delivered since.
CREATE TABLE webhooks (
    id TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    description TEXT NOT NULL,
    wanted TEXT NOT NULL,
    users TEXT,
    secret BYTEA,
    old_secret BYTEA,
    old_until BIGINT,
    cursor BIGINT NOT NULL,
    replay_after BIGINT,
    replay_to BIGINT,
    replay_all BOOLEAN NOT NULL DEFAULT FALSE,
    created_at BIGINT NOT NULL,
    succeeded_at BIGINT,
    failing_since BIGINT,
    disabled_at BIGINT,
    disabled_why TEXT,
    deleted_at BIGINT
);

-- One row for each event and webhook that wants it, and for each trial, which has no event. due_at: when it is tried next; a
-- claim moves it on, so that a claim of a process that died runs out by itself.
CREATE TABLE deliveries (
    id TEXT PRIMARY KEY,
    webhook_id TEXT NOT NULL REFERENCES webhooks (id),
    event BIGINT,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    due_at BIGINT,
    tries BIGINT NOT NULL,
    tried_at BIGINT,
    ended_at BIGINT,
    status BIGINT,
    fault TEXT,
    took_ms BIGINT,
    UNIQUE (webhook_id, event)
);
CREATE INDEX deliveries_due ON deliveries (webhook_id, due_at, event) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_log ON deliveries (webhook_id, id);
CREATE INDEX deliveries_by_state ON deliveries (webhook_id, state, id);
CREATE INDEX deliveries_ended ON deliveries (ended_at) WHERE ended_at IS NOT NULL;
