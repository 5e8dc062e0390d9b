-- Webhooks: addresses of internal services that are told of events. The same portable SQL as before.

ALTER TABLE events ADD COLUMN webhook_id TEXT;
