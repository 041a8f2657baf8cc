SELECT key, first, fingerprint FROM keys WHERE key IN (VALUES /* rows */)
