-- What anybody can begin without a token is bounded. The same portable SQL as before.

-- How much of a budget is used, one row each: the moment from which all of it is there again. A row whose moment has
-- passed says nothing and is deleted.
CREATE TABLE budgets (
    subject TEXT PRIMARY KEY,
    full_at BIGINT NOT NULL
);
CREATE INDEX budgets_by_time ON budgets (full_at);

-- begun_wide: the IPv4 /24 or IPv6 /48 around begun_from. recorded: its events are in the feed; of others they are not, until
-- a grant comes. Until then found, begun_ip and begun_request hold what attempt.begun will say.
ALTER TABLE attempts ADD COLUMN begun_wide TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN recorded BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE attempts ADD COLUMN found TEXT;
ALTER TABLE attempts ADD COLUMN begun_ip TEXT;
ALTER TABLE attempts ADD COLUMN begun_request TEXT;
-- Attempts of the open page for which no grant came, and those for which one did.
CREATE INDEX attempts_of_strangers ON attempts (id) WHERE link_id IS NULL AND received_at IS NULL;
CREATE INDEX attempts_of_strangers_by_network ON attempts (begun_wide, begun_from, id) WHERE link_id IS NULL AND received_at IS NULL;
CREATE INDEX attempts_granted ON attempts (created_at) WHERE link_id IS NULL AND received_at IS NOT NULL;
CREATE INDEX attempts_granted_by_network ON attempts (begun_wide, created_at) WHERE link_id IS NULL AND received_at IS NOT NULL;

-- How many attempts were ever begun from a link.
ALTER TABLE links ADD COLUMN begun BIGINT NOT NULL DEFAULT 0;

-- Attempts that were deleted, by the UTC day (days since 1970-01-01) on which they were begun. No reason is ''.
CREATE TABLE attempt_days (
    day BIGINT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (day, status, reason)
);

-- The lock under which places of open attempts are counted.
INSERT INTO counters (name, n) VALUES ('open_attempts', 0);
