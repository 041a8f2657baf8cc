-- How full queues are. KEYS[1] the workers. ARGV: prefix, services. Answers with three counts a service.
local call, prefix = redis.call, ARGV[1]
local workers, counts = call('ZRANGE', KEYS[1], 0, -1), {}
for i = 2, #ARGV do
  local claimed = 0
  for _, worker in ipairs(workers) do
    claimed = claimed + call('LLEN', prefix .. 'retrace:claimed:' .. ARGV[i] .. ':' .. worker)
  end
  counts[#counts + 1] = call('LLEN', prefix .. 'retrace:queue:' .. ARGV[i])
  counts[#counts + 1] = claimed
  counts[#counts + 1] = call('LLEN', prefix .. 'retrace:dead:' .. ARGV[i])
end
return counts
