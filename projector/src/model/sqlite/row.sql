SELECT row FROM rows
WHERE generation = (SELECT generation FROM state WHERE slot = ?1) AND topic = ?2 AND key = ?3
