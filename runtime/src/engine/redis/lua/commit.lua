-- R2: one commit, all of it or nothing.
--
-- First everything is checked, the type of every key to be written included; then the first event is added,
-- which is where the server refuses when it has no room or no right to write; after that nothing can fail.
--
-- KEYS[1] is the log's head; all other keys share its slot. ARGV is what commit.rs writes: a header of
-- 11, then the reads, events, commands, settlement, advance and parked entries, then the log's topics,
-- which are given only when the script has answered `begin`.
local call = redis.call
local prefix, as_of, except = ARGV[1], ARGV[3], ARGV[4]
local reads, events, enqueues = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local settles, advances, parks = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local read_at = 11
local event_at = read_at + 2 * reads
local enqueue_at = event_at + 6 * events
local settle_at = enqueue_at + 5 * enqueues
local advance_at = settle_at + 4 * settles
local park_at = advance_at + 3 * advances
local topic_at = park_at + 2 * parks

local function stream_of(topic)
  return prefix .. 'events:' .. topic
end

local head = call('HMGET', KEYS[1], 'epoch', 'position', 'number')
local epoch, position, number = head[1], head[2] or '0-0', head[3] or '0'
if not epoch then
  if #ARGV == topic_at then return { 'begin' } end
  for i = topic_at + 1, #ARGV do position = later(position, last_position(stream_of(ARGV[i]))) end
end

-- The first read that an event after `as_of` mentions, and that event's position.
local function changed()
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
      local entries = call('XRANGE', stream_of(topic), from, '+', 'COUNT', 500)
      for _, entry in ipairs(entries) do
        local data, meta = nil, ''
        for f = 1, #entry[2], 2 do
          if entry[2][f] == 'event_data' then data = entry[2][f + 1] end
          if entry[2][f] == 'event_meta' then meta = entry[2][f + 1] end
        end
        local own = except ~= '' and string.find(meta, except, 1, true)
          and not string.find(meta, '"command":', 1, true)
        for _, i in ipairs(data and not own and by_topic[topic] or {}) do
          if string.find(data, ARGV[read_at + 2 * i], 1, true) then return i, entry[1] end
        end
        from = '(' .. entry[1]
      end
    until #entries < 500
  end
end

-- What must still be true.
if ARGV[5] ~= '' and ARGV[5] ~= number then return { 'moved', number } end
if reads > 0 and as_of ~= position then
  local read, at = changed()
  if read then return { 'stale', read, later(position, at) } end
end

local claimed, settled, keyed
if settles > 0 then
  claimed = prefix .. 'retrace:claimed:' .. ARGV[settle_at + 1] .. ':' .. ARGV[settle_at + 2]
  settled = prefix .. 'retrace:command:' .. ARGV[settle_at + 3]
  if not call('LPOS', claimed, ARGV[settle_at + 3]) then return { 'unclaimed' } end
  keyed = call('HGET', settled, 'keyed')
end

local checkpoints = prefix .. 'retrace:checkpoints'
if advances > 0 then
  local found = call('HGET', checkpoints, ARGV[advance_at + 1]) or '{"epoch":"","position":"0-0","number":0}'
  if found ~= ARGV[advance_at + 2] then return { 'fenced', found } end
end

for at = enqueue_at, settle_at - 5, 5 do
  call('LLEN', prefix .. 'retrace:queue:' .. ARGV[at + 1])
  if ARGV[at + 4] ~= '' then
    local first = call('HMGET', prefix .. 'retrace:idempotency:' .. ARGV[at + 4], 'command', 'fingerprint')
    if first[2] == ARGV[at + 5] then return { 'repeated', first[1] } end
    if first[1] then return { 'reused', first[1] } end
  end
end

local parked = prefix .. 'retrace:parked'
if parks > 0 then call('HLEN', parked) end

-- R1: a position for each event, each greater than all before it.
local positions = {}

local function assign(last, now)
  local last_ms, last_seq = split(last)
  for i = 1, events do
    local keep = ARGV[event_at + 6 * i]
    if keep ~= '' then
      local ms, seq = split(keep)
      if not comes_after(ms, seq, last_ms, last_seq) then return { 'order', keep, last_ms .. '-' .. last_seq } end
      if less(string.format('%.0f', now + @MOST_AHEAD_MS@), ms) then return { 'ahead', keep, now } end
      last_ms, last_seq = ms, seq
    elseif less(last_ms, now) then
      last_ms, last_seq = now, '0'
    else
      last_ms, last_seq = successor(last_ms, last_seq)
    end
    positions[i] = last_ms .. '-' .. last_seq
  end
end

local function append(i, invoke)
  local at = event_at + 6 * (i - 1)
  local stream, count = stream_of(ARGV[at + 1]), string.format('%.0f', number + i)
  if ARGV[at + 5] == '' then
    return invoke('XADD', stream, positions[i], 'event_id', ARGV[at + 2], 'event_action', ARGV[at + 3],
      'event_data', ARGV[at + 4], 'event_number', count)
  end
  return invoke('XADD', stream, positions[i], 'event_id', ARGV[at + 2], 'event_action', ARGV[at + 3],
    'event_data', ARGV[at + 4], 'event_number', count, 'event_meta', ARGV[at + 5])
end

if events > 0 then
  local now, floor = now_ms(), position
  local topics, known = {}, {}
  local registered = prefix .. 'retrace:topics'
  for at = event_at + 1, enqueue_at, 6 do
    if not known[ARGV[at]] then
      known[ARGV[at]] = true
      topics[#topics + 1] = ARGV[at]
    end
  end
  local registers = call('SMISMEMBER', registered, unpack(topics))
  -- One stream says by itself, and before anything is written, that it is ahead of the log. Of several,
  -- the second would say it too late.
  if #topics > 1 then
    for _, topic in ipairs(topics) do floor = later(floor, last_position(stream_of(topic))) end
  end
  local refused = assign(floor, now)
  if refused then return refused end
  local added = append(1, redis.pcall)
  if type(added) == 'table' and string.find(added.err, 'equal or smaller', 1, true) then
    refused = assign(later(floor, last_position(stream_of(topics[1]))), now)
    if refused then return refused end
    added = append(1, redis.pcall)
  end
  if type(added) == 'table' then return added end
  for i = 2, events do append(i, call) end
  for i, is_registered in ipairs(registers) do
    if is_registered == 0 then call('SADD', registered, topics[i]) end
  end
  epoch = epoch or ARGV[2]
  position, number = positions[events], string.format('%.0f', number + events)
  call('HSET', KEYS[1], 'epoch', epoch, 'position', position, 'number', number)
end

for at = enqueue_at, settle_at - 5, 5 do
  local service, id, key = ARGV[at + 1], ARGV[at + 2], ARGV[at + 4]
  local record = prefix .. 'retrace:command:' .. id
  call('DEL', record)
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
  local ended_at = positions[events]
  call('LREM', claimed, 1, id)
  call('HSET', settled, 'outcome', outcome)
  if ended_at then call('HSET', settled, 'position', ended_at) end
  call('HDEL', settled, 'body')
  call('EXPIRE', settled, keyed and @KEEP_KEYED_OUTCOME@ or @KEEP_OUTCOME@)
  call('PUBLISH', prefix .. 'retrace:outcomes', '{"command":' .. cjson.encode(id) .. ',"position":'
    .. (ended_at and '"' .. ended_at .. '"' or 'null') .. ',"outcome":' .. outcome .. '}')
end

if advances > 0 then call('HSET', checkpoints, ARGV[advance_at + 1], ARGV[advance_at + 3]) end
for at = park_at, topic_at - 2, 2 do call('HSET', parked, ARGV[at + 1], ARGV[at + 2]) end

local answer = { 'ok', epoch or '', number, position }
for i = 1, #positions do answer[4 + i] = positions[i] end
return answer
