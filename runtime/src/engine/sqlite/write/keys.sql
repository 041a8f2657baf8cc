INSERT OR REPLACE INTO keys (key, first, fingerprint)
SELECT * FROM (VALUES /* rows */) WHERE column1 IS NOT NULL
