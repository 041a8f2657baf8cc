DELETE FROM claimed WHERE place IN (VALUES /* rows */)
