-- Ends a failed attempt at a command that is in nobody's hands any more.
local function failed(prefix, service, id, error, most_attempts)
  local call = redis.call
  local record = prefix .. 'retrace:command:' .. id
  if call('EXISTS', record) == 0 then return 'unclaimed' end
  local count = call('HINCRBY', record, 'failed', 1)
  call('HSET', record, 'error', error)
  if count < most_attempts then
    call('LPUSH', prefix .. 'retrace:queue:' .. service, id)
    return 'requeued'
  end
  local outcome = '{"status":"dead","error":' .. cjson.encode(error) .. '}'
  call('HSET', record, 'outcome', outcome)
  call('RPUSH', prefix .. 'retrace:dead:' .. service, id)
  redis.pcall('PUBLISH', prefix .. 'retrace:outcomes',
    '{"command":' .. cjson.encode(id) .. ',"position":null,"outcome":' .. outcome .. '}')
  return 'dead'
end
