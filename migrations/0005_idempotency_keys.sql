-- What was answered to requests with an Idempotency-Key. id: the hash of the token and the key. request: the hash of the request.
-- claimed_by: the request that does the work; until claimed_until no other does it. answer: sealed; NULL while there is none.
CREATE TABLE idempotency_keys (
    id TEXT PRIMARY KEY,
    token_id TEXT NOT NULL REFERENCES tokens (id),
    request TEXT NOT NULL,
    claimed_by TEXT NOT NULL,
    claimed_until BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    answer BYTEA
);
CREATE INDEX idempotency_keys_of_token ON idempotency_keys (token_id, expires_at);
CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);
