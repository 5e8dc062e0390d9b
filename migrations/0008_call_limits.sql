-- What a token may call beyond WooCommerce's namespaces, comma-separated, and the limits on its calls, as name=value.
ALTER TABLE tokens ADD COLUMN namespaces TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens ADD COLUMN limits TEXT NOT NULL DEFAULT '';
-- The token with which its calls are counted: the one that it replaced, or that issued it; NULL: by itself.
ALTER TABLE tokens ADD COLUMN counted_with TEXT REFERENCES tokens (id);
-- Hosts that asked for a pause, shared by the replicas on PostgreSQL.
CREATE TABLE host_pauses (
    host TEXT PRIMARY KEY,
    asked_at BIGINT NOT NULL,
    until BIGINT NOT NULL
);
