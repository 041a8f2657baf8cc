DELETE FROM keys WHERE (key, first) IN (VALUES /* rows */)
