DELETE FROM keys
WHERE key IN (
    SELECT known.key FROM (VALUES /* rows */) JOIN keys AS known ON known.key = column1 AND known.first = column2
)
