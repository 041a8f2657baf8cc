-- A write to wait for, that a full server takes too once the key is there. KEYS[1] the key. ARGV: seconds that it is kept.
if redis.call('EXPIRE', KEYS[1], ARGV[1]) == 0 then redis.call('SET', KEYS[1], 1, 'EX', ARGV[1]) end
return 1
