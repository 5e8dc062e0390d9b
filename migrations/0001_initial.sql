-- One set for SQLite and PostgreSQL. Portable SQL only: TEXT, BIGINT, BOOLEAN, BYTEA; ids are minted, times are bound
-- (BIGINT, milliseconds since 1970-01-01T00:00:00Z), never now(); secrets only sealed, tokens only as SHA-256.

-- instance: the installation's own name, bound into every sealed value. sealing: the ring key that seals from now on.
CREATE TABLE installation (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    instance TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    sealing TEXT
);

-- One row for each key that was ever in the ring, with a sealed value that proves the ring fits. retired_at: when another key
-- took its place as the one that seals.
CREATE TABLE ring_keys (
    id TEXT PRIMARY KEY,
    proof BYTEA NOT NULL,
    retired_at BIGINT
);

-- The processes that serve, so that no key seals before all of them have it. ring: the ids of the keys in their ring, separated by
-- spaces; the first one seals. One that was not seen for a while is gone.
CREATE TABLE processes (
    id TEXT PRIMARY KEY,
    ring TEXT NOT NULL,
    seen_at BIGINT NOT NULL
);

-- event: the number of the newest event; its row lock puts events in one order.
-- lending: grows with every change that decides who may be lent what; what memory knows is checked against it.
-- probe: written to see that writes are durable again after one that failed.
-- open_attempts: the lock under which open attempts are counted.
CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    n BIGINT NOT NULL
);
INSERT INTO counters (name, n) VALUES ('event', 0), ('lending', 0), ('probe', 0), ('open_attempts', 0),
    ('read_segment', 0), ('read_store', 0);

-- users: the only user_ids whose keys a token may read, one a line; none means all.
-- successor: the token that takes this one's place.
CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    fingerprint BYTEA NOT NULL UNIQUE,
    permissions TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    users TEXT,
    successor TEXT REFERENCES tokens (id)
);

-- check_at: when the store is checked next. A check under way has moved it on by longer than it can take, so a process that
-- dies releases the store by itself. Zero is at once.
-- failures: how many checks in a row did not find the key working. moved_to: the address that the store reports where it is not
-- its home. asked: the scope that was asked for; the granted one is compared with it.
-- search: the text under which the store is found (src/domain/search.rs); its index is in sqlite/ and postgres/.
-- rest_base: where its REST API answers; NULL is {home}/wp-json/.
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
    check_at BIGINT NOT NULL DEFAULT 0,
    failures BIGINT NOT NULL DEFAULT 0,
    moved_to TEXT,
    asked TEXT,
    search TEXT NOT NULL DEFAULT '',
    rest_base TEXT,
    json_has_noise BOOLEAN NOT NULL DEFAULT FALSE,
    UNIQUE (user_id, home)
);
CREATE INDEX stores_by_status ON stores (status, changed_at, id);
CREATE INDEX stores_by_change ON stores (changed_at, id);
CREATE INDEX stores_by_connection ON stores (connected_at, id);
CREATE INDEX stores_by_home ON stores (home, id);
CREATE INDEX stores_by_check ON stores (checked_at, id);
CREATE INDEX stores_by_reason ON stores (reason, status, changed_at, id) WHERE reason IS NOT NULL;
CREATE INDEX stores_by_scope ON stores (scope);
CREATE INDEX stores_due ON stores (check_at, id) WHERE status <> 'disconnected';

-- revocation: after a disconnect, the consumer key alone, sealed. It opens nothing; with it the store reports whether the merchant
-- has revoked the key. ask_at, asked_at, told: when it is asked next, when it was asked last, and its answer.
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
    revocation BYTEA,
    ask_at BIGINT,
    asked_at BIGINT,
    told TEXT,
    revoked_at BIGINT,
    UNIQUE (store_id, version),
    CHECK (sealed IS NOT NULL OR retired_at IS NOT NULL)
);
CREATE UNIQUE INDEX keys_served ON keys (store_id) WHERE retired_at IS NULL;
CREATE INDEX keys_revocation ON keys (ask_at) WHERE ask_at IS NOT NULL;

-- begun: how many attempts were ever begun from the link.
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
    expires_at BIGINT NOT NULL,
    withdrawn_at BIGINT,
    begun BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX links_of_user ON links (user_id, id);

-- by_hand: the merchant copied the key from their store's settings instead of approving there. moved_to: the address that the
-- store reports where it is not its home.
-- begun_wide: the IPv4 /24 or IPv6 /48 around begun_from. recorded: its events are in the feed; of others they are not, until
-- a grant comes. Until then found, begun_ip and begun_request hold what attempt.begun will say.
-- stopped: the preflight ended it. warnings: the codes of what did not, separated by spaces. typed: the typed address, if home is another.
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
    store_id TEXT REFERENCES stores (id),
    by_hand BOOLEAN NOT NULL DEFAULT FALSE,
    moved_to TEXT,
    begun_wide TEXT NOT NULL DEFAULT '',
    recorded BOOLEAN NOT NULL DEFAULT TRUE,
    found TEXT,
    begun_ip TEXT,
    begun_request TEXT,
    stopped BOOLEAN NOT NULL DEFAULT FALSE,
    warnings TEXT NOT NULL DEFAULT '',
    typed TEXT,
    store_name TEXT
);
CREATE INDEX attempts_of_link ON attempts (link_id, id);
CREATE INDEX attempts_by_origin ON attempts (begun_from, created_at);
CREATE INDEX attempts_unfinished ON attempts (status, expires_at);
CREATE INDEX attempts_by_time ON attempts (created_at, status, reason, received_at);
CREATE INDEX attempts_of_store ON attempts (store_id, id);
CREATE INDEX attempts_for_store ON attempts (wanted_store, id) WHERE wanted_store IS NOT NULL;
CREATE INDEX attempts_quarantined ON attempts (status, elsewhere_at);
-- Attempts of the open page for which no grant came, and those for which one did.
CREATE INDEX attempts_of_strangers ON attempts (id) WHERE link_id IS NULL AND received_at IS NULL;
CREATE INDEX attempts_of_strangers_by_network ON attempts (begun_wide, begun_from, id) WHERE link_id IS NULL AND received_at IS NULL;
CREATE INDEX attempts_granted ON attempts (created_at) WHERE link_id IS NULL AND received_at IS NOT NULL;
CREATE INDEX attempts_granted_by_network ON attempts (begun_wide, created_at) WHERE link_id IS NULL AND received_at IS NOT NULL;

-- What stores posted to the callback: candidates, until one of an attempt is proven and becomes a key. hastened: how many of
-- its tries were brought forward because somebody was waiting.
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
    hastened BIGINT NOT NULL DEFAULT 0,
    rest_base TEXT,
    json_has_noise BOOLEAN NOT NULL DEFAULT FALSE,
    UNIQUE (attempt_id, key_fingerprint)
);
CREATE INDEX grants_due ON grants (next_try_at) WHERE next_try_at IS NOT NULL;

-- What happened, in one order: the feed, the activity record, and the outbox of webhooks.
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
    reason TEXT,
    operator_id TEXT,
    came_from TEXT,
    request_id TEXT,
    webhook_id TEXT
);
CREATE INDEX events_at ON events (at);
CREATE INDEX events_by_kind ON events (kind, seq);
CREATE INDEX events_by_actor ON events (actor, seq);
CREATE INDEX events_of_store ON events (store_id, seq);
CREATE INDEX events_of_attempt ON events (attempt_id, seq) WHERE attempt_id IS NOT NULL;
CREATE INDEX events_of_user ON events (user_id, seq);
CREATE INDEX events_of_request ON events (request_id, seq) WHERE request_id IS NOT NULL;
-- Addresses that the retention has not forgotten yet.
CREATE INDEX events_from ON events (at) WHERE came_from IS NOT NULL;

-- The record of keys that were lent: one row for each commit, made before the answers left. batch: the id of its first read.
-- records: the reads, packed (storage/reads/packed.rs). No index, which each commit would have to write: reads soon move on.
CREATE TABLE read_journal (
    batch TEXT NOT NULL,
    n BIGINT NOT NULL,
    records BYTEA NOT NULL
);

-- Reads that moved on from the journal, sorted: each segment holds reads of one UTC day, in chunks. Segments that are not
-- complete are not looked at. place: by what the first read of a chunk is sorted (storage/reads/segments.rs).
CREATE TABLE read_segments (
    number BIGINT PRIMARY KEY,
    day BIGINT NOT NULL,
    n BIGINT NOT NULL,
    first_read TEXT NOT NULL,
    last_read TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    is_complete BOOLEAN NOT NULL
);
CREATE INDEX read_segments_by_last_read ON read_segments (last_read);
CREATE TABLE read_chunks (
    segment BIGINT NOT NULL REFERENCES read_segments (number),
    place BYTEA NOT NULL,
    records BYTEA NOT NULL,
    PRIMARY KEY (segment, place)
);
-- The numbers by which segments name stores.
CREATE TABLE read_stores (
    number BIGINT PRIMARY KEY,
    store_id TEXT NOT NULL UNIQUE
);

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

-- Key reads that moved on from the journal, counted for each UTC day (days since 1970-01-01) and token. last_at: when the last
-- of them was.
CREATE TABLE read_days (
    day BIGINT NOT NULL,
    token_id TEXT NOT NULL,
    n BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (day, token_id)
);

-- Checks of a store over time: a row for as long as the same verdict came.
CREATE TABLE check_spans (
    store_id TEXT NOT NULL REFERENCES stores (id),
    began_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    verdict TEXT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (store_id, began_at)
);

-- Each webhook has a place among the events up to which deliveries were made.
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

-- How much of a budget is used, one row each: the moment from which all of it is there again. A row whose moment has
-- passed says nothing and is deleted.
CREATE TABLE budgets (
    subject TEXT PRIMARY KEY,
    full_at BIGINT NOT NULL
);
CREATE INDEX budgets_by_time ON budgets (full_at);

-- Attempts that were deleted, by the UTC day (days since 1970-01-01) on which they were begun. No reason is ''.
CREATE TABLE attempt_days (
    day BIGINT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (day, status, reason)
);
