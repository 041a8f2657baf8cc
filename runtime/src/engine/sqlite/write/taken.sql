DELETE FROM waiting WHERE place IN (VALUES /* rows */)
