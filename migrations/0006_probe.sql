-- What is written to see that writes are durable again, after one that failed.
INSERT INTO counters (name, n) VALUES ('probe', 0);
