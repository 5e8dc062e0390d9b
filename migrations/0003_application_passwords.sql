-- The store's page for approving an application password; NULL: the attempt is for a key of WooCommerce.
ALTER TABLE attempts ADD COLUMN password_page TEXT;
