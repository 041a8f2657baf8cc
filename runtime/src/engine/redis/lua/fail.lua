-- Ends a failed attempt. KEYS[1] the claimed list. ARGV: prefix, service, command, error, most attempts.
if redis.call('LREM', KEYS[1], 1, ARGV[3]) == 0 then return 'unclaimed' end
return failed(ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]))
