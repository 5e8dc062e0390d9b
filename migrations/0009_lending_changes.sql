-- What each step of the lending counter changed, so that memory forgets only that. n: the counter after the step. user_id and
-- store_id: the store that changed; NULL where it was a token. Only the newest steps are stored.
CREATE TABLE lending_changes (
    n BIGINT PRIMARY KEY,
    user_id TEXT,
    store_id TEXT
);
