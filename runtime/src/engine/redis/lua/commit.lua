-- R2: one commit, all of it or nothing.
--
-- First everything is checked, the type of every key to be written included. Then the events are added: the
-- first is where the server refuses when it has no room or no right to write, and when a later one can't be
-- added, because another program has spoilt its stream, those before it are taken back. After that nothing
-- can fail.
--
-- KEYS[1] is the log's head; all other keys share its slot. ARGV is what commit.rs writes: a header of 13,
-- then the reads, events, commands, settlement, advance, parked and unparked entries, then the log's topics, which are
-- given only when the script has answered `begin`.
local call = redis.call
local prefix, as_of, except = ARGV[1], ARGV[4], ARGV[5]
local reads, events, enqueues = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local settles, advances = tonumber(ARGV[10]), tonumber(ARGV[11])
local parks, unparks = tonumber(ARGV[12]), tonumber(ARGV[13])
local read_at = 13
local event_at = read_at + 2 * reads
local enqueue_at = event_at + 6 * events
local settle_at = enqueue_at + 5 * enqueues
local advance_at = settle_at + 4 * settles
local park_at = advance_at + 5 * advances
local unpark_at = park_at + 3 * parks
local topic_at = unpark_at + unparks
local streams = prefix .. 'events:'

local head = call('HMGET', KEYS[1], 'epoch', 'position', 'number')
local epoch, position, number = head[1], head[2] or '0-0', head[3] or '0'
if not epoch then
  if #ARGV == topic_at then return { 'begin' } end
  local tools = position_tools()
  for i = topic_at + 1, #ARGV do position = tools.later(position, tools.last(streams .. ARGV[i])) end
end

-- Who was taken over has nothing to read on for.
local holders
if advances > 0 then
  holders = prefix .. 'retrace:holders'
  local held = call('HGET', holders, ARGV[advance_at + 1])
  if ARGV[advance_at + 4] == 'hold' and held ~= ARGV[advance_at + 5] then return { 'taken' } end
end

if ARGV[6] ~= '' and ARGV[6] ~= number then return { 'moved', number } end

-- R5: no event after `as_of` mentions what was read, save for the handler's own.
if reads > 0 and as_of ~= position then
  local topics, by_topic = {}, {}
  for i = 1, reads do
    local topic = ARGV[read_at + 2 * i - 1]
    if not by_topic[topic] then
      by_topic[topic] = {}
      topics[#topics + 1] = topic
    end
    table.insert(by_topic[topic], i)
  end
  for _, topic in ipairs(topics) do
    local from = '(' .. as_of
    repeat
      local entries = call('XRANGE', streams .. topic, from, '+', 'COUNT', 500)
      for _, entry in ipairs(entries) do
        local data, meta = nil, ''
        for f = 1, #entry[2], 2 do
          if entry[2][f] == 'event_data' then data = entry[2][f + 1] end
          if entry[2][f] == 'event_meta' then meta = entry[2][f + 1] end
        end
        local own = except ~= '' and string.find(meta, except, 1, true)
          and not string.find(meta, '"command":', 1, true)
        for _, i in ipairs(data and not own and by_topic[topic] or {}) do
          if string.find(data, ARGV[read_at + 2 * i], 1, true) then
            return { 'stale', i, position_tools().later(position, entry[1]) }
          end
        end
        from = '(' .. entry[1]
      end
    until #entries < 500
  end
end

-- R4: the worker holds the command.
local claimed, settled, keyed
if settles > 0 then
  claimed = prefix .. 'retrace:claimed:' .. ARGV[settle_at + 1] .. ':' .. ARGV[settle_at + 2]
  settled = prefix .. 'retrace:command:' .. ARGV[settle_at + 3]
  if not call('LPOS', claimed, ARGV[settle_at + 3]) then return { 'unclaimed' } end
  keyed = call('HGET', settled, 'keyed')
end

local checkpoints
if advances > 0 then
  checkpoints = prefix .. 'retrace:checkpoints'
  local found = call('HGET', checkpoints, ARGV[advance_at + 1]) or '{"epoch":"","position":"0-0","number":0}'
  if found ~= ARGV[advance_at + 2] then return { 'fenced', found } end
end

local parked, order, retries, once
if parks + unparks > 0 then
  parked, once = prefix .. 'retrace:parked', prefix .. 'retrace:unparked'
  order, retries = parked .. ':order', parked .. ':retry'
  call('HLEN', parked)
  call('ZCARD', order)
  call('ZCARD', retries)
  call('ZCARD', once)
  for i = 1, unparks do
    if call('HEXISTS', parked, ARGV[unpark_at + i]) == 0 then return { 'not_parked', i } end
  end
end

for at = enqueue_at, settle_at - 5, 5 do
  call('LLEN', prefix .. 'retrace:queue:' .. ARGV[at + 1])
  if ARGV[at + 4] ~= '' then
    local first = call('HMGET', prefix .. 'retrace:idempotency:' .. ARGV[at + 4], 'command', 'fingerprint')
    if first[2] == ARGV[at + 5] then return { 'repeated', first[1] } end
    if first[1] then return { 'reused', first[1] } end
  end
end

-- R1: a position for each event, each greater than all before it.
local answer = { 'ok', epoch or '', number, position }
if events > 0 then
  local registered = ARGV[3] ~= epoch and prefix .. 'retrace:topics'
  if registered then call('SCARD', registered) end
  local time = call('TIME')
  local now = time[1] .. string.format('%03d', time[2] / 1000)
  local ms, seq = string.match(position, '^(%d+)-(%d+)$')

  -- Positions to keep are all checked before the first event is added.
  local keeps = false
  for at = event_at + 6, enqueue_at, 6 do keeps = keeps or ARGV[at] ~= '' end
  if keeps then
    local tools, last = position_tools(), position
    for at = event_at + 1, enqueue_at, 6 do last = tools.later(last, tools.last(streams .. ARGV[at])) end
    ms, seq = tools.split(last)
    for at = event_at + 6, enqueue_at, 6 do
      local keep = ARGV[at]
      if keep ~= '' then
        if tools.later(last, keep) == last then return { 'order', keep, last } end
        if tools.less(string.format('%.0f', now + @MOST_AHEAD_MS@), (tools.split(keep))) then
          return { 'ahead', keep, now }
        end
        last = keep
      else
        local last_ms, last_seq = tools.split(last)
        if tools.less(last_ms, now) then
          last = now .. '-0'
        else
          last = table.concat({ tools.successor(last_ms, last_seq) }, '-')
        end
      end
    end
  end

  local i = 1
  while i <= events do
    local at = event_at + 6 * i - 6
    local meta, keep, added = ARGV[at + 5], ARGV[at + 6], nil
    if keep ~= '' then
      ms, seq = string.match(keep, '^(%d+)-(%d+)$')
    elseif #ms < #now or #ms == #now and ms < now then
      ms, seq = now, '0'
    elseif #seq < 15 then
      seq = string.format('%.0f', seq + 1)
    else
      ms, seq = position_tools().successor(ms, seq)
    end
    position = ms .. '-' .. seq
    if meta == '' then
      added = redis.pcall('XADD', streams .. ARGV[at + 1], position, 'event_id', ARGV[at + 2],
        'event_action', ARGV[at + 3], 'event_data', ARGV[at + 4], 'event_number', number + i)
    else
      added = redis.pcall('XADD', streams .. ARGV[at + 1], position, 'event_id', ARGV[at + 2],
        'event_action', ARGV[at + 3], 'event_data', ARGV[at + 4], 'event_number', number + i, 'event_meta', meta)
    end
    if type(added) == 'table' then
      for j = 1, i - 1 do call('XDEL', streams .. ARGV[event_at + 6 * j - 5], answer[4 + j]) end
      if keep ~= '' or not string.find(added.err, 'equal or smaller', 1, true) then return added end
      -- Another program has written to this stream since the last commit: all over again, after that.
      ms, seq = string.match(position_tools().last(streams .. ARGV[at + 1]), '^(%d+)-(%d+)$')
      i = 0
    else
      answer[4 + i] = position
    end
    i = i + 1
  end
  for at = registered and event_at + 1 or enqueue_at + 1, enqueue_at, 6 do call('SADD', registered, ARGV[at]) end
  answer[3] = string.format('%.0f', number + events)
  answer[4] = position
  if epoch then
    call('HSET', KEYS[1], 'position', position, 'number', answer[3])
  else
    answer[2] = ARGV[2]
    call('HSET', KEYS[1], 'epoch', ARGV[2], 'position', position, 'number', answer[3])
  end
end

for at = enqueue_at, settle_at - 5, 5 do
  local service, id, key = ARGV[at + 1], ARGV[at + 2], ARGV[at + 4]
  local record = prefix .. 'retrace:command:' .. id
  -- The first write must be one that a full server refuses.
  if call('EXISTS', record) == 1 then call('DEL', record) end
  call('HSET', record, 'service', service, 'body', ARGV[at + 3], 'failed', 0)
  if key ~= '' then
    local idempotency = prefix .. 'retrace:idempotency:' .. key
    call('HSET', record, 'keyed', 1)
    call('HSET', idempotency, 'command', id, 'fingerprint', ARGV[at + 5])
    call('EXPIRE', idempotency, @KEEP_KEYED_OUTCOME@)
  end
  call('RPUSH', prefix .. 'retrace:queue:' .. service, id)
end

if settles > 0 then
  local id, outcome = ARGV[settle_at + 3], ARGV[settle_at + 4]
  local ended_at = events > 0 and position
  call('LREM', claimed, 1, id)
  call('HSET', settled, 'outcome', outcome)
  if ended_at then call('HSET', settled, 'position', ended_at) end
  call('HDEL', settled, 'body')
  call('EXPIRE', settled, keyed and @KEEP_KEYED_OUTCOME@ or @KEEP_OUTCOME@)
  -- A hint: a user who may not publish has lost nothing else.
  redis.pcall('PUBLISH', prefix .. 'retrace:outcomes', '{"command":' .. cjson.encode(id) .. ',"position":'
    .. (ended_at and '"' .. ended_at .. '"' or 'null') .. ',"outcome":' .. outcome .. '}')
end

if advances > 0 then
  local consumer, from, to = ARGV[advance_at + 1], ARGV[advance_at + 2], ARGV[advance_at + 3]
  if ARGV[advance_at + 4] == 'take' then call('HSET', holders, consumer, ARGV[advance_at + 5]) end
  if from ~= to then call('HSET', checkpoints, consumer, to) end
end
for at = unpark_at + 1, topic_at do
  call('HDEL', parked, ARGV[at])
  call('ZREM', order, ARGV[at])
  call('ZREM', retries, ARGV[at])
  call('ZADD', once, 0, ARGV[at])
end
for at = park_at, unpark_at - 3, 3 do
  call('HSET', parked, ARGV[at + 1], ARGV[at + 2])
  call('ZADD', order, 0, ARGV[at + 1])
  if ARGV[at + 3] == '1' then
    call('ZADD', retries, 0, ARGV[at + 1])
  else
    call('ZREM', retries, ARGV[at + 1])
  end
end

return table.concat(answer, ' ')
