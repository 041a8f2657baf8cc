-- Marks a generation that was being built as held back.
--
-- KEYS  the generation's state
if redis.call('HGET', KEYS[1], 'stage') == 'building' then
  redis.call('HSET', KEYS[1], 'stage', 'held')
end
return 1
