-- Puts a dead letter back into its queue. KEYS[1] the dead letters. ARGV: prefix, service, command.
local call, prefix = redis.call, ARGV[1]
if call('LREM', KEYS[1], 1, ARGV[3]) == 0 then return 0 end
local record = prefix .. 'retrace:command:' .. ARGV[3]
call('HDEL', record, 'outcome')
call('HSET', record, 'failed', 0)
call('RPUSH', prefix .. 'retrace:queue:' .. ARGV[2], ARGV[3])
return 1
