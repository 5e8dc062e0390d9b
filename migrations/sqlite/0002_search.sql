-- The index of stores.search: every three consecutive characters of it. It reads the text from stores; triggers keep it in step,
-- within the transaction that writes the store. To build it anew: INSERT INTO store_search (store_search) VALUES ('rebuild').
CREATE VIRTUAL TABLE store_search USING fts5 (search, content = 'stores', tokenize = 'trigram case_sensitive 1');
INSERT INTO store_search (store_search) VALUES ('rebuild');
CREATE TRIGGER store_search_insert AFTER INSERT ON stores BEGIN
    INSERT INTO store_search (rowid, search) VALUES (new.rowid, new.search);
END;
CREATE TRIGGER store_search_update AFTER UPDATE OF search ON stores WHEN old.search <> new.search BEGIN
    INSERT INTO store_search (store_search, rowid, search) VALUES ('delete', old.rowid, old.search);
    INSERT INTO store_search (rowid, search) VALUES (new.rowid, new.search);
END;
CREATE TRIGGER store_search_delete AFTER DELETE ON stores BEGIN
    INSERT INTO store_search (store_search, rowid, search) VALUES ('delete', old.rowid, old.search);
END;
