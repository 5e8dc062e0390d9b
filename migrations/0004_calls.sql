-- Calls that services made through Cartkey, counted beside key reads.
ALTER TABLE read_days ADD COLUMN calls BIGINT NOT NULL DEFAULT 0;
