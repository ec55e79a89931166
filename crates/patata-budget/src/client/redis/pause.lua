-- Leaves a server alone, or all of them, and tells the others.
-- KEYS: what is left alone (hash). ARGV: channel, the host ("": all of them), ms, the id of who says so.
local time = redis.call('TIME')
local until_us = time[1] * 1000000 + time[2] + math.min(tonumber(ARGV[3]), 86400000) * 1000
if until_us > tonumber(redis.call('HGET', KEYS[1], ARGV[2]) or 0) then
  redis.call('HSET', KEYS[1], ARGV[2], string.format('%.0f', until_us))
  redis.call('EXPIRE', KEYS[1], 86400)
  redis.call('PUBLISH', ARGV[1], ARGV[4] .. ' ' .. ARGV[3] .. ' ' .. ARGV[2])
end
return 1
