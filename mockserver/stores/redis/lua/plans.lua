-- Another plan for a job, and the slots of its team given anew.

-- Store a row in place of another; `later` is what the slots know of the job, if it waits for one.
local function replace(job_id, before, after)
  call('HSET', key('jobs'), job_id, after.row)
  if after.leaves_at ~= before.leaves_at then
    put_at(key('ends'), job_id, after.leaves_at)
  end
  call('ZADD', key('open:' .. after.team), 'XX', exact(after.ended_at), job_id)
  call('ZADD', key('bounded:' .. after.list), 'XX', exact(after.ended_at), job_id)
end

local function waiting_and_running(team, now)
  local waiting, running = {}, {}
  for _, job_id in ipairs(call('ZRANGEBYSCORE', key('open:' .. team), '(' .. exact(now), '+inf')) do
    local job = job_of(call('HGET', key('jobs'), job_id))
    job.id = job_id
    if job.started_at <= now then
      running[#running + 1] = job
    else
      local later = call('HGET', key('later:' .. team), job_id)
      job.order, job.ready_at = struct.unpack('<dd', later)
      job.outline = later:sub(17)
      waiting[#waiting + 1] = job
    end
  end
  table.sort(waiting, function(one, other) return one.order < other.order end)
  return waiting, running
end

-- Ids and rows of the jobs that moved, flat, and when the first of their deliveries is due.
local function move_up(team, limit, now)
  local waiting, running = waiting_and_running(team, now)
  if limit == 0 then limit = math.max(1, #waiting + #running) end
  call('DEL', key('free:' .. team))
  for place, job in ipairs(running) do  -- by when they end, as the open ones are kept
    if place > #running - limit then
      call('ZADD', key('free:' .. team), exact(job.ended_at), job.id)
    end
  end
  local moved, earliest = {}, huge
  for _, job in ipairs(waiting) do
    local starts_at = take_slot(team, limit, job.id, math.max(now, job.ready_at), job.runs_s)
    if starts_at ~= job.started_at then
      local after = job_of(struct.pack('<d', starts_at) .. job.row:sub(9))
      replace(job.id, job, after)
      book(job.id, after, false)
      drop(job.id)
      earliest = math.min(earliest, schedule(job.id, job.outline, starts_at, after.runs_s))
      moved[#moved + 1] = job.id
      moved[#moved + 1] = after.row
    end
  end
  return moved, earliest
end
