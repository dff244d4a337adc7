-- Idempotency keys, and how finished jobs leave a full store.

local function forget_old_claims(now)
  local claims, ages = key('claims'), key('claims_by_age')
  for _, place in ipairs(call('ZRANGEBYSCORE', ages, '-inf', now, 'LIMIT', 0, 10)) do
    call('ZREM', ages, place)
    call('HDEL', claims, place)
  end
end

local function recalled(place, fingerprint, now)
  local claim = call('HGET', key('claims'), place)
  if not claim then return nil end
  local expires_at, final, job_id, at = struct.unpack('<dBHc0', claim)
  if expires_at <= now then return nil end
  if claim:sub(at) ~= fingerprint then return {'clash'} end
  local row = call('HGET', key('jobs'), job_id)
  return {'replay', job_id, row and status_at(row, now) or final}
end

local function remove(job_id, job)
  call('HDEL', key('jobs'), job_id)
  call('ZREM', key('list:' .. job.list), job_id)
  if call('HINCRBY', key('models:' .. job.list), job.model, -1) <= 0 then
    call('HDEL', key('models:' .. job.list), job.model)
  end
  if call('ZREM', key('open:' .. job.team), job_id) == 1 then
    call('HDEL', key('later:' .. job.team), job_id)
  end
  local claim = job.place ~= '' and call('HGET', key('claims'), job.place)
  if claim then
    local expires_at, _, owner = struct.unpack('<dBHc0', claim)
    if owner == job_id then
      call('HSET', key('claims'), job.place, claim:sub(1, 8) .. string.char(job.outcome) .. claim:sub(10))
    end
  end
end

-- How many have left by now in all, and how many of them just now.
local function evict(now, max_jobs)
  local over, left = call('HLEN', key('jobs')) - max_jobs, 0
  if over <= 0 then return 0, 0 end
  local ends = key('ends')
  for _, job_id in ipairs(call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, 1000)) do
    if left == over then break end
    call('ZREM', ends, job_id)
    local job = job_of(call('HGET', key('jobs'), job_id))
    if job.hook ~= NO_HOOK and waits_for(job_id) then
      call('SADD', key('undelivered'), job_id)
    else
      remove(job_id, job)
      left = left + 1
    end
  end
  return left > 0 and call('INCRBY', key('evicted'), left) or 0, left
end
