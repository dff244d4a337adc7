-- Claim the key, charge, take a slot, store and schedule, or none of it.
local now_text, job_id, row, created_at, max_jobs = ARGV[2], ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
local place, fingerprint, expires_at, slots, most_open = ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11]
local outline, groups_from = ARGV[12], 13
local now = tonumber(now_text)

if place ~= '' then
  forget_old_claims(now_text)
  local known = recalled(place, fingerprint, now)
  if known then return known end
end

local job = job_of(row)
local available = balance(job.team, now_text)
if not available or math.max(0, available) < job.cost then
  return {'few', string.format('%.0f', math.max(0, available or 0))}
end

local bounded = key('bounded:' .. job.list)
if most_open ~= '' then
  call('ZREMRANGEBYSCORE', bounded, '-inf', now_text)
  if call('ZCARD', bounded) >= tonumber(most_open) then
    return {'many', call('ZRANGE', bounded, 0, 0, 'WITHSCORES')[2]}
  end
end

-- Nothing is refused from here on.

if slots ~= '' then
  local limit, free, open = tonumber(slots), key('free:' .. job.team), key('open:' .. job.team)
  local over = call('ZCARD', free) - limit
  if over > 0 then call('ZPOPMIN', free, over) end  -- the limit was lowered
  local ready_at = job.started_at
  local starts_at = take_slot(job.team, limit, job_id, ready_at, job.runs_s)
  if starts_at ~= ready_at then
    row = struct.pack('<d', starts_at) .. row:sub(9)
    job = job_of(row)
  end
  local ended = call('ZRANGEBYSCORE', open, '-inf', now_text, 'LIMIT', 0, 100)
  for _, other in ipairs(ended) do
    call('ZREM', open, other)
    call('HDEL', key('later:' .. job.team), other)
  end
  call('ZADD', open, exact(job.ended_at), job_id)
  local order = call('INCR', key('order'))
  call('HSET', key('later:' .. job.team), job_id, struct.pack('<dd', order, ready_at) .. outline)
end
if most_open ~= '' then
  call('ZADD', bounded, exact(job.ended_at), job_id)
end

if job.cost ~= 0 then
  call('HINCRBY', key('credits'), job.team, -job.cost)
end
if job.later_cost ~= 0 or job.outcome ~= COMPLETED then
  book(job_id, job, false)
end
if place ~= '' then
  call('HSET', key('claims'), place, struct.pack('<dBHc0', expires_at, 255, #job_id, job_id) .. fingerprint)
  call('ZADD', key('claims_by_age'), expires_at, place)
end
call('HSET', key('jobs'), job_id, row)
if job.leaves_at < huge then
  call('ZADD', key('ends'), exact(job.leaves_at), job_id)
end
call('ZADD', key('list:' .. job.list), created_at, job_id)
call('HINCRBY', key('models:' .. job.list), job.model, 1)
if call('SADD', key('lists'), job.list) == 1 then
  for i = groups_from, #ARGV do
    call('SADD', key('members:' .. ARGV[i]), job.list)
    call('SADD', key('groups'), ARGV[i])
  end
end

local woke = 0
if outline ~= '' then
  local before = first_due()
  woke = wake(before, schedule(job_id, outline, job.started_at, job.runs_s))
end
local evicted, left = evict(now_text, max_jobs)
return {'accepted', exact(job.started_at), woke, evicted, left}
