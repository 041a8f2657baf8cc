-- Drops a dead letter; its record tells for a while that it died.
--
-- KEYS[1] the dead letters. ARGV: prefix, command.
local call = redis.call
if call('LREM', KEYS[1], 1, ARGV[2]) == 0 then return 0 end
local record = ARGV[1] .. 'retrace:command:' .. ARGV[2]
call('HDEL', record, 'body')
call('EXPIRE', record, call('HGET', record, 'keyed') and @KEEP_KEYED_OUTCOME@ or @KEEP_OUTCOME@)
return 1
