-- Renews a worker's lease. KEYS[1] the workers. ARGV: worker, lease in milliseconds.
redis.call('ZADD', KEYS[1], now_ms() + ARGV[2], ARGV[1])
