-- What the watch needs. The same portable SQL as before.

-- When a store is checked next; a check under way has moved it on by longer than it can take, so that a process that dies
-- gives the store back by itself. Zero is at once: also for what a program without this column connects meanwhile.
ALTER TABLE stores ADD COLUMN check_at BIGINT NOT NULL DEFAULT 0;
-- How many checks in a row did not find the key working.
ALTER TABLE stores ADD COLUMN failures BIGINT NOT NULL DEFAULT 0;
-- The address that the store says it has now, where that is another than its home.
ALTER TABLE stores ADD COLUMN moved_to TEXT;
-- What the key was asked to do. What it may do is compared with this.
ALTER TABLE stores ADD COLUMN asked TEXT;
CREATE INDEX stores_due ON stores (check_at, id) WHERE status <> 'disconnected';

UPDATE stores
SET check_at = checked_at,
    asked = (SELECT attempts.scope FROM attempts
             WHERE attempts.store_id = stores.id AND attempts.status = 'connected'
             ORDER BY attempts.id DESC LIMIT 1);
