-- The numbers of the last run and the last block, whatever else may be wrong with the file.
SELECT
    max(coalesce((SELECT max(id) FROM run), 0), coalesce((SELECT max(CAST(runs AS INTEGER)) FROM state), 0)),
    max(coalesce((SELECT max(id) FROM block), 0), coalesce((SELECT max(CAST(blocks AS INTEGER)) FROM state), 0))
