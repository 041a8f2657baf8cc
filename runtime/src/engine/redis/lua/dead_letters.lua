-- The dead letters of a service, oldest first. KEYS[1] the dead letters. ARGV: prefix.
local letters = {}
for _, id in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  local record = redis.call('HMGET', ARGV[1] .. 'retrace:command:' .. id, 'body', 'error', 'failed')
  if record[1] then
    letters[#letters + 1] = record[1]
    letters[#letters + 1] = record[2] or ''
    letters[#letters + 1] = record[3] or '0'
  end
end
return letters
