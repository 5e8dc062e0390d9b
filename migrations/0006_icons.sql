-- The address of the store's icon, as its index reports it; NULL: it reports none.
ALTER TABLE attempts ADD COLUMN icon_url TEXT;
