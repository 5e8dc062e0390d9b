-- One set for SQLite and PostgreSQL. Portable SQL only: TEXT, BIGINT, BOOLEAN, BYTEA; ids are minted, times are bound
-- (BIGINT, milliseconds since 1970-01-01T00:00:00Z), never now(); secrets only sealed, tokens only as SHA-256.

-- The installation's own name, bound into every sealed value.
CREATE TABLE installation (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    instance TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- One row for each ring key that ever sealed here, with a sealed value that proves the ring fits.
CREATE TABLE ring_keys (
    id TEXT PRIMARY KEY,
    proof BYTEA NOT NULL
);

-- event: the number of the newest event; its row lock puts events in one order.
-- lending: grows with every change that decides who may be lent what; what memory knows is checked against it.
CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    n BIGINT NOT NULL
);
INSERT INTO counters (name, n) VALUES ('event', 0), ('lending', 0);

CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    fingerprint BYTEA NOT NULL UNIQUE,
    permissions TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);

CREATE TABLE stores (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    home TEXT NOT NULL,
    name TEXT,
    status TEXT NOT NULL,
    reason TEXT,
    scope TEXT NOT NULL,
    woo_key_id BIGINT NOT NULL,
    key_last7 TEXT NOT NULL,
    key_version BIGINT NOT NULL,
    auth_method TEXT NOT NULL,
    woocommerce_version TEXT,
    wordpress_version TEXT,
    connected_at BIGINT NOT NULL,
    checked_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    UNIQUE (user_id, home)
);

CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    store_id TEXT NOT NULL REFERENCES stores (id),
    version BIGINT NOT NULL,
    woo_key_id BIGINT NOT NULL,
    last7 TEXT NOT NULL,
    scope TEXT NOT NULL,
    auth_method TEXT NOT NULL,
    sealed BYTEA,
    issued_at BIGINT NOT NULL,
    retired_at BIGINT,
    UNIQUE (store_id, version),
    CHECK (sealed IS NOT NULL OR retired_at IS NOT NULL)
);
CREATE UNIQUE INDEX keys_served ON keys (store_id) WHERE retired_at IS NULL;

CREATE TABLE links (
    id TEXT PRIMARY KEY,
    fingerprint BYTEA NOT NULL UNIQUE,
    user_id TEXT NOT NULL,
    account_label TEXT,
    home TEXT,
    store_id TEXT REFERENCES stores (id),
    scope TEXT NOT NULL,
    return_url TEXT,
    confirm TEXT NOT NULL,
    made_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE attempts (
    id TEXT PRIMARY KEY,
    link_id TEXT REFERENCES links (id),
    user_id TEXT NOT NULL,
    account_label TEXT,
    home TEXT NOT NULL,
    scope TEXT NOT NULL,
    confirm TEXT NOT NULL,
    return_url TEXT,
    wanted_store TEXT REFERENCES stores (id),
    state BYTEA NOT NULL UNIQUE,
    callback BYTEA NOT NULL UNIQUE,
    browser BYTEA NOT NULL,
    begun_from TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    received_at BIGINT,
    returned_at BIGINT,
    elsewhere_at BIGINT,
    confirmed_at BIGINT,
    confirm_code BYTEA,
    confirm_code_until BIGINT,
    ended_at BIGINT,
    store_id TEXT REFERENCES stores (id)
);
CREATE INDEX attempts_of_link ON attempts (link_id, id);
CREATE INDEX attempts_by_origin ON attempts (begun_from, created_at);
CREATE INDEX attempts_unfinished ON attempts (status, expires_at);

-- What stores posted to the callback: candidates, until one of an attempt is proven and becomes a key.
CREATE TABLE grants (
    id TEXT PRIMARY KEY,
    attempt_id TEXT NOT NULL REFERENCES attempts (id),
    woo_key_id BIGINT NOT NULL,
    key_fingerprint BYTEA NOT NULL,
    last7 TEXT NOT NULL,
    scope TEXT NOT NULL,
    sealed BYTEA,
    received_at BIGINT NOT NULL,
    received_from TEXT NOT NULL,
    state TEXT NOT NULL,
    tries BIGINT NOT NULL,
    next_try_at BIGINT,
    claimed_until BIGINT NOT NULL,
    verdict TEXT,
    auth_method TEXT,
    proven_scope TEXT,
    name TEXT,
    woocommerce_version TEXT,
    wordpress_version TEXT,
    UNIQUE (attempt_id, key_fingerprint)
);
CREATE INDEX grants_due ON grants (next_try_at) WHERE next_try_at IS NOT NULL;

CREATE TABLE events (
    seq BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    user_id TEXT,
    store_id TEXT,
    link_id TEXT,
    attempt_id TEXT,
    token_id TEXT,
    reason TEXT
);

-- The activity record: one row for each key that was lent, committed before the answer left. The id is the request's.
CREATE TABLE key_reads (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    token_id TEXT NOT NULL,
    store_id TEXT NOT NULL,
    key_version BIGINT NOT NULL,
    read_from TEXT NOT NULL
);
