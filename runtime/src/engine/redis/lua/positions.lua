-- Positions are handled as digits: a double would lose the end of a long sequence number.

-- What is rarely needed, and so made only when it is.
local function position_tools()
  local tools = {}

  -- Whether one whole number comes before another.
  function tools.less(a, b)
    if #a ~= #b then return #a < #b end
    return a < b
  end

  function tools.split(position)
    return string.match(position, '^(%d+)-(%d+)$')
  end

  function tools.later(a, b)
    local a_ms, a_seq = tools.split(a)
    local b_ms, b_seq = tools.split(b)
    if tools.less(a_ms, b_ms) or a_ms == b_ms and tools.less(a_seq, b_seq) then return b end
    return a
  end

  -- The last position that a stream has ever had: what XADD compares with.
  function tools.last(stream)
    if redis.call('EXISTS', stream) == 0 then return '0-0' end
    local info = redis.call('XINFO', 'STREAM', stream)
    for i = 1, #info, 2 do
      if info[i] == 'last-generated-id' then return info[i + 1] end
    end
  end

  local function increment(digits)
    local nines = string.match(digits, '9*$')
    local before = string.sub(digits, 1, -1 - #nines)
    if before == '' then return '1' .. string.rep('0', #nines) end
    return string.sub(before, 1, -2) .. (string.sub(before, -1) + 1) .. string.rep('0', #nines)
  end

  function tools.successor(ms, seq)
    if seq == '18446744073709551615' then return increment(ms), '0' end
    return ms, increment(seq)
  end

  return tools
end
