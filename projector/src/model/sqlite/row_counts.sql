SELECT generation, (SELECT count(*) FROM rows WHERE rows.generation = state.generation)
FROM state
WHERE slot >= 0
