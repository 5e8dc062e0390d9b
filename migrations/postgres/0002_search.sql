-- The index of stores.search: every three consecutive characters of its words. pg_trgm is a trusted extension: whoever may create
-- objects in the database may create it. It may be in another schema already.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
DO $$
BEGIN
    EXECUTE format(
        'CREATE INDEX stores_by_search ON stores USING gin (search %I.gin_trgm_ops)',
        (SELECT nspname FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = 'pg_trgm')
    );
END $$;
