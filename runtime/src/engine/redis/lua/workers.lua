-- The services that a worker has claimed commands of, in order.
local function services_of(prefix, worker)
  local known, services = {}, {}
  for _, batch in ipairs(redis.call('HKEYS', prefix .. 'retrace:worker:' .. worker)) do
    local service = string.match(batch, '^%S+ (.*)$')
    if not known[service] then
      known[service] = true
      services[#services + 1] = service
    end
  end
  table.sort(services)
  return services
end

local function forget(prefix, worker)
  redis.call('ZREM', prefix .. 'retrace:workers', worker)
  redis.call('DEL', prefix .. 'retrace:worker:' .. worker)
end
