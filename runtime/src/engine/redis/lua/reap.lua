-- Takes everything from workers whose lease has run out, newest first, so that queues keep their order. A lease
-- that ends later than any can was given by a clock that has been set back since.
--
-- KEYS[1] the workers. ARGV: prefix, most attempts, the longest lease. Answers with commands and what became of each.
local call, prefix = redis.call, ARGV[1]
local reaped, now = {}, now_ms()
local expired = call('ZRANGEBYSCORE', KEYS[1], '-inf', now)
local latest = string.format('(%.0f', now + ARGV[3])
for _, worker in ipairs(call('ZRANGEBYSCORE', KEYS[1], latest, '+inf')) do expired[#expired + 1] = worker end
for _, worker in ipairs(expired) do
  for _, service in ipairs(services_of(prefix, worker)) do
    local claimed = prefix .. 'retrace:claimed:' .. service .. ':' .. worker
    local id = call('RPOP', claimed)
    while id do
      reaped[#reaped + 1] = id
      reaped[#reaped + 1] =
        failed(prefix, service, id, 'worker ' .. worker .. ' stopped answering', tonumber(ARGV[2]))
      id = call('RPOP', claimed)
    end
  end
  forget(prefix, worker)
end
return reaped
