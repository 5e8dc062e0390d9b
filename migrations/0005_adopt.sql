-- Whether the merchant copied the key from their store's settings instead of approving there.
ALTER TABLE attempts ADD COLUMN by_hand BOOLEAN NOT NULL DEFAULT FALSE;
