SELECT key, first, fingerprint FROM keys WHERE key IN (SELECT value FROM json_each(?1))
