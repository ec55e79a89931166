-- Leases slots and permits of a budget: one call does all that one sharer needs.
-- KEYS: what is used up (hash), those who share (hash), what is left alone (hash).
-- ARGV: id, weight, name, could be in flight, in flight, concurrency (0: not limited), units; and for each unit: amount, piece,
-- given back, owed, rates; and for each rate: amount, window in µs, burst, whether it is spread evenly.
-- Answers: for each unit when its first slot is (µs from now), the time from one to the next (ns), how many, and for how long it is
-- used up (µs); then in how many µs to ask again (0: not needed), and how many may be in flight (-1: not limited).
local HORIZON, LATENESS, PARTS, CREDIT = 100000, 30000, 64, 1000000
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local now_ms = math.floor(now / 1000)
local id, weight = ARGV[1], tonumber(ARGV[2])
local function whole(number) return string.format('%.0f', number) end

-- Those who have said nothing for three seconds are gone, with all that they held.
local me, others, all = nil, {}, redis.call('HGETALL', KEYS[2])
for at = 1, #all, 2 do
  local sharer = cjson.decode(all[at + 1])
  if all[at] == id then
    me = sharer
  elseif now_ms - sharer.seen > 3000 then
    redis.call('HDEL', KEYS[2], all[at])
  else
    others[#others + 1] = sharer
  end
end
me = me or { used = {}, served = {}, may = 0 }
me.seen, me.weight, me.name = now_ms, weight, ARGV[3]
me.wants, me.holds, me.waits = tonumber(ARGV[4]), math.max(tonumber(ARGV[5]), me.may), {}

local known = redis.call('HGETALL', KEYS[1])
local state = {}
for at = 1, #known, 2 do state[known[at]] = tonumber(known[at + 1]) end
local paused = tonumber(redis.call('HGET', KEYS[3], '') or 0)

local answer, again, argument = {}, 0, 8
local function look(wait) if again == 0 or wait < again then again = math.max(wait, 2000) end end

for unit = 1, tonumber(ARGV[7]) do
  local amount, piece = tonumber(ARGV[argument]), math.max(1, tonumber(ARGV[argument + 1]))
  local returned, owed, rates = tonumber(ARGV[argument + 2]), tonumber(ARGV[argument + 3]), tonumber(ARGV[argument + 4])
  argument = argument + 5
  local used, served = me.used[unit] or 0, me.served[unit] or 0
  -- No more than was granted can be given back.
  returned = math.min(returned, used)
  me.used[unit] = used - returned + owed
  -- Who wants something again is owed nothing for the time before; and others who want more and had less are next.
  local weights, least = weight, nil
  for _, other in ipairs(others) do
    if now_ms - other.seen < 1000 and (other.waits[unit] or 0) > 0 then
      weights = weights + other.weight
      least = math.min(least or math.huge, other.served[unit] or 0)
    end
  end
  if (me.waited and me.waited[unit] or 0) == 0 and least then served = math.max(served, least) end

  -- The strictest of the even rates decides.
  local opens, every, quotas, even = now, 0, {}, {}
  for rate = 1, rates do
    local most, window = tonumber(ARGV[argument]), tonumber(ARGV[argument + 1])
    local burst, is_even = tonumber(ARGV[argument + 2]), ARGV[argument + 3] == '1'
    argument = argument + 4
    local key = unit .. ':' .. rate
    if is_even then
      local tolerance = window * burst / most
      -- One that is not known may have been forgotten: its slots are over first.
      local next = state[key] or now + HORIZON + LATENESS + tolerance
      next = math.max(next, paused + tolerance) + (owed > 0 and math.ceil(owed * window / most) or 0)
      local credit = math.min((state[key .. 'c'] or 0) + returned * window / most, CREDIT)
      even[#even + 1] = { key = key, next = next, tolerance = tolerance, credit = credit, time = piece * window / most }
      opens = math.max(opens, next - tolerance)
      every = math.max(every, piece * window / most)
    else
      -- A sliding window, as sums of its parts.
      local part, sum, parts = math.ceil(window / PARTS), 0, {}
      for field, count in pairs(state) do
        local number = string.match(field, '^' .. key .. 'p(%d+)$')
        if number then
          if (number + 1) * part + window <= now then
            redis.call('HDEL', KEYS[1], field)
          else
            sum = sum + count
            parts[#parts + 1] = { number = tonumber(number), count = count }
          end
        end
      end
      table.sort(parts, function(a, b) return a.number < b.number end)
      local room, at = most - sum + returned - owed, 1
      while room < piece and parts[at] do
        room = room + parts[at].count
        opens = math.max(opens, (parts[at].number + 1) * part + window)
        at = at + 1
      end
      quotas[#quotas + 1] = { key = key, part = part, room = room }
      local field = key .. 'p' .. whole(math.floor(now / part))
      if returned ~= owed then redis.call('HINCRBY', KEYS[1], field, whole(owed - returned)) end
    end
  end

  local pieces, run = 0, every
  if amount > 0 then
    -- What nobody took in time is for anybody.
    local is_turn = not least or served <= least + HORIZON or opens < now + LATENESS
    if opens > now + HORIZON then
      -- When enough is free again for a handful: there is a lot handed out until then.
      look(opens - now - HORIZON + 20000)
    elseif not is_turn then
      look(10000)
    else
      local room = math.max(HORIZON / 2 * weight / weights, 1)
      if #even > 0 and opens <= now and even[1].tolerance > 0 and #even == 1 then
        -- A burst is due at once.
        local due = math.floor((now - (even[1].next - even[1].tolerance)) / math.max(every, 1)) + 1
        due = math.min(due, math.floor(even[1].tolerance / math.max(every, 1)) + 1)
        if due > 1 then pieces, run = due, 0 end
      end
      if pieces == 0 then
        pieces = math.min(math.floor(room / every) + 1, math.floor((now + HORIZON - opens) / every) + 1)
      end
      pieces = math.min(pieces, math.ceil(amount / piece))
      for _, quota in ipairs(quotas) do pieces = math.min(pieces, math.floor(quota.room / piece)) end
      pieces = math.max(pieces, 0)
      if pieces * piece < amount then look(15000) end
    end
  end
  local busy = opens
  for _, pace in ipairs(even) do
    local time = pace.time * pieces
    local saved = math.min(time / 125, pace.credit)
    if pieces > 0 then pace.next = math.max(pace.next, opens) + math.ceil(time - saved) end
    if run > 0 and pieces > 0 and pace.time == every then run = (time - saved) / pieces end
    if pieces > 0 then pace.credit = pace.credit - saved end
    busy = math.max(busy, pace.next)
    redis.call('HSET', KEYS[1], pace.key, whole(pace.next), pace.key .. 'c', whole(pace.credit))
  end
  for _, quota in ipairs(quotas) do
    if pieces > 0 then
      redis.call('HINCRBY', KEYS[1], quota.key .. 'p' .. whole(math.floor((opens + every * pieces) / quota.part)), whole(pieces * piece))
    end
  end
  me.used[unit] = me.used[unit] + pieces * piece
  me.served[unit] = served + every * pieces / weight
  me.waits[unit] = math.max(0, amount - pieces * piece)
  answer[#answer + 1] = whole(opens - now)
  answer[#answer + 1] = whole(math.ceil(run * 1000))
  answer[#answer + 1] = whole(pieces)
  answer[#answer + 1] = whole(busy - now)
end
me.waited = me.waits

-- Permits: what each holds counts until it has said that it holds fewer.
local most = tonumber(ARGV[6])
local may = -1
if most > 0 then
  local held, wanted, weights = 0, 0, weight
  for _, other in ipairs(others) do
    held = held + math.max(other.holds, other.may)
    wanted = wanted + other.wants
    if other.wants > 0 then weights = weights + other.weight end
  end
  local share = math.min(me.wants, math.max(math.floor(most * weight / weights), most - wanted, 1))
  may = math.max(0, math.min(share, math.max(most - held, 0)))
  if me.wants > may then look(20000) end
end
me.may = math.max(may, 0)
redis.call('HSET', KEYS[2], id, cjson.encode(me))
redis.call('EXPIRE', KEYS[1], 2678400)
redis.call('EXPIRE', KEYS[2], 86400)
answer[#answer + 1] = whole(again)
answer[#answer + 1] = whole(may)
return answer
