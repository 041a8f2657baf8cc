-- Positions are handled as digits: a double would lose the end of a long sequence number.

-- Whether one whole number comes before another.
local function less(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end

local function split(position)
  local dash = string.find(position, '-', 1, true)
  return string.sub(position, 1, dash - 1), string.sub(position, dash + 1)
end

local function comes_after(ms, seq, than_ms, than_seq)
  if ms == than_ms then return less(than_seq, seq) end
  return less(than_ms, ms)
end

local function later(a, b)
  local a_ms, a_seq = split(a)
  local b_ms, b_seq = split(b)
  if comes_after(b_ms, b_seq, a_ms, a_seq) then return b end
  return a
end

local function increment(digits)
  if #digits < 15 then return string.format('%.0f', digits + 1) end
  local nines = string.match(digits, '9*$')
  local before = string.sub(digits, 1, -1 - #nines)
  if before == '' then return '1' .. string.rep('0', #nines) end
  return string.sub(before, 1, -2) .. (string.sub(before, -1) + 1) .. string.rep('0', #nines)
end

local function successor(ms, seq)
  if seq == '18446744073709551615' then return increment(ms), '0' end
  return ms, increment(seq)
end

-- The last position that a stream has ever had: what XADD compares with.
local function last_position(stream)
  if redis.call('EXISTS', stream) == 0 then return '0-0' end
  local info = redis.call('XINFO', 'STREAM', stream)
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then return info[i + 1] end
  end
end
