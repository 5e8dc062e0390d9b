-- What the operators' dashboard needs. The same portable SQL as before.

CREATE TABLE operators (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    password TEXT NOT NULL,
    second_factor BYTEA,
    second_factor_step BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    password_at BIGINT NOT NULL,
    signed_in_at BIGINT,
    removed_at BIGINT
);
-- A name may be given again once its bearer is gone.
CREATE UNIQUE INDEX operators_by_name ON operators (name) WHERE removed_at IS NULL;

-- Unspent recovery codes, as SHA-256.
CREATE TABLE recovery_codes (
    operator_id TEXT NOT NULL REFERENCES operators (id),
    fingerprint BYTEA NOT NULL,
    PRIMARY KEY (operator_id, fingerprint)
);

-- Sessions, as the SHA-256 of what the cookie holds. One that still waits for its second factor is not verified.
CREATE TABLE sessions (
    fingerprint BYTEA PRIMARY KEY,
    operator_id TEXT NOT NULL REFERENCES operators (id),
    verified BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    came_from TEXT NOT NULL
);
CREATE INDEX sessions_of_operator ON sessions (operator_id);

-- One-time links that make the first operator.
CREATE TABLE setup_links (
    fingerprint BYTEA PRIMARY KEY,
    expires_at BIGINT NOT NULL
);

-- How often something was tried since a moment; counted before it is tried.
CREATE TABLE throttles (
    subject TEXT PRIMARY KEY,
    since BIGINT NOT NULL,
    n BIGINT NOT NULL
);

CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE logo (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    media_type TEXT NOT NULL,
    bytes BYTEA NOT NULL,
    hash TEXT NOT NULL
);

-- Who, from where, in which request.
ALTER TABLE events ADD COLUMN operator_id TEXT;
ALTER TABLE events ADD COLUMN came_from TEXT;
ALTER TABLE events ADD COLUMN request_id TEXT;
CREATE INDEX events_at ON events (at);
CREATE INDEX events_by_kind ON events (kind, seq);
CREATE INDEX events_by_actor ON events (actor, seq);
CREATE INDEX events_of_store ON events (store_id, seq);
CREATE INDEX events_of_attempt ON events (attempt_id, seq) WHERE attempt_id IS NOT NULL;
CREATE INDEX events_of_user ON events (user_id, seq);
CREATE INDEX events_of_request ON events (request_id, seq) WHERE request_id IS NOT NULL;
-- Addresses that the retention has not forgotten yet.
CREATE INDEX events_from ON events (at) WHERE came_from IS NOT NULL;

-- The id of a read sorts by time, so each of these is in the order of time.
CREATE INDEX reads_of_store ON key_reads (store_id, id);
CREATE INDEX reads_of_token ON key_reads (token_id, id);

-- Key reads for each UTC day (days since 1970-01-01) and token: all those whose id is less than reads_counted.before.
CREATE TABLE read_days (
    day BIGINT NOT NULL,
    token_id TEXT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (day, token_id)
);
CREATE TABLE reads_counted (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    before TEXT NOT NULL
);
INSERT INTO reads_counted (one, before) VALUES (1, 'rq_00000000000000000000000000');

-- Checks of a store over time: a row for as long as the same verdict came.
CREATE TABLE check_spans (
    store_id TEXT NOT NULL REFERENCES stores (id),
    began_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    verdict TEXT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (store_id, began_at)
);

-- The words by which a store is found: lower-case words of its name, its address, its user_id, in UTF-8. Bytes, because
-- both databases compare bytes alike, and a beginning is then a range.
CREATE TABLE store_words (
    word BYTEA NOT NULL,
    store_id TEXT NOT NULL REFERENCES stores (id),
    PRIMARY KEY (word, store_id)
);
CREATE INDEX words_of_store ON store_words (store_id, word);

CREATE INDEX stores_by_status ON stores (status, changed_at, id);
CREATE INDEX stores_by_change ON stores (changed_at, id);
CREATE INDEX stores_by_connection ON stores (connected_at, id);
CREATE INDEX stores_by_home ON stores (home, id);
CREATE INDEX stores_by_check ON stores (checked_at, id);
CREATE INDEX stores_by_reason ON stores (reason, changed_at, id) WHERE reason IS NOT NULL;
CREATE INDEX stores_by_scope ON stores (scope);
CREATE INDEX stores_with_remark ON stores (changed_at, id) WHERE status = 'connected' AND reason IS NOT NULL;

-- After a disconnect the consumer key alone, sealed, which opens nothing: with it the store can say whether the merchant
-- has revoked the key. When it is asked next, when it was asked last, and what it told then.
ALTER TABLE keys ADD COLUMN parting BYTEA;
ALTER TABLE keys ADD COLUMN ask_at BIGINT;
ALTER TABLE keys ADD COLUMN asked_at BIGINT;
ALTER TABLE keys ADD COLUMN told TEXT;
ALTER TABLE keys ADD COLUMN revoked_at BIGINT;
CREATE INDEX keys_parting ON keys (ask_at) WHERE ask_at IS NOT NULL;

CREATE INDEX attempts_by_time ON attempts (created_at, status, reason, received_at);
CREATE INDEX attempts_of_store ON attempts (store_id, id);
CREATE INDEX attempts_for_store ON attempts (wanted_store, id) WHERE wanted_store IS NOT NULL;
CREATE INDEX attempts_held ON attempts (status, elsewhere_at);

ALTER TABLE links ADD COLUMN withdrawn_at BIGINT;
CREATE INDEX links_of_user ON links (user_id, id);

-- users: the only user_ids whose keys a token may read, one a line; none means all.
ALTER TABLE tokens ADD COLUMN users TEXT;
-- successor: the token that takes this one's place.
ALTER TABLE tokens ADD COLUMN successor TEXT REFERENCES tokens (id);
