-- What is acknowledged is on the disk: in the write-ahead log, synced at every COMMIT.
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
-- 16 MiB of write-ahead log before it is copied into the file, 64 MiB kept at most after a long reading.
PRAGMA wal_autocheckpoint = 4096;
PRAGMA journal_size_limit = 67108864;
PRAGMA cache_size = -32768;
PRAGMA temp_store = MEMORY;
