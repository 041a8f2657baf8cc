SELECT place, service, worker, command FROM claimed WHERE command IN (VALUES /* rows */) ORDER BY place
