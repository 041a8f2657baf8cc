-- Hands back everything that a worker holds, uncounted, and ends its lease.
--
-- KEYS[1] the workers. ARGV: prefix, worker.
local prefix, worker = ARGV[1], ARGV[2]
for _, service in ipairs(services_of(prefix, worker)) do
  local claimed = prefix .. 'retrace:claimed:' .. service .. ':' .. worker
  while redis.call('LMOVE', claimed, prefix .. 'retrace:queue:' .. service, 'RIGHT', 'LEFT') do end
end
forget(prefix, worker)
