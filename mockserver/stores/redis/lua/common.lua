-- What the scripts share; it stands before each of them. KEYS[1] is the tag of a shard, with which every key begins.
-- Numbers are written with all their digits, for Lua's own conversion to text keeps fourteen.

local call, huge = redis.call, math.huge
local COMPLETED, CANCELLED, NO_HOOK = 2, 4, 255
local PENDING = 0
local JOB = '<dddiiBBBHc0Hc0Hc0Hc0'
local DELIVERY = '<ddHBBBHc0'

local function key(name)
  return KEYS[1] .. ':' .. name
end

local function exact(number)
  return string.format('%.17g', number)
end

local function number(text)
  return text == 'inf' and huge or tonumber(text)
end

-- Jobs: packing.py says what a row holds.

local function job_of(row)
  local job = {row = row}
  job.started_at, job.runs_s, job.keeps_s, job.cost, job.later_cost, job.outcome, job.hook, job.stays, job.list, job.team,
    job.model, job.place = struct.unpack(JOB, row)
  job.ended_at = job.started_at + job.runs_s
  job.leaves_at = job.ended_at
  if job.stays == 1 and job.outcome ~= CANCELLED then
    job.leaves_at = job.ended_at + job.keeps_s
  end
  return job
end

local function status_at(row, now)
  local started_at, runs_s, _, _, _, outcome = struct.unpack('<dddiiB', row)
  if now < started_at then return 0 end
  if now < started_at + runs_s then return 1 end
  return outcome
end

local function put_at(name, member, at)
  if at < huge then
    call('ZADD', name, exact(at), member)
  else
    call('ZREM', name, member)
  end
end

-- Credits: what can be spent, and the entries that count from an instant on, each with its credit behind a colon.

local function balance(team, now)
  local credit = call('HGET', key('credits'), team)
  if not credit then return nil end
  credit = tonumber(credit)
  local ledger = key('ledger:' .. team)
  local due = call('ZRANGEBYSCORE', ledger, '-inf', now)
  if #due > 0 then
    for _, entry in ipairs(due) do
      credit = credit + tonumber(entry:match(':(-?%d+)$'))
    end
    call('ZREMRANGEBYSCORE', ledger, '-inf', now)
    call('HSET', key('credits'), team, string.format('%.0f', credit))
  end
  return credit
end

local function book(job_id, job, has_started)
  local ledger, whole = key('ledger:' .. job.team), job.cost + job.later_cost
  if job.later_cost ~= 0 and not has_started then
    put_at(ledger, job_id .. ' start:' .. -job.later_cost, job.started_at)
  end
  if whole ~= 0 then
    put_at(ledger, job_id .. ':' .. whole, job.outcome ~= COMPLETED and job.ended_at or huge)
  end
end

-- Slots: core/slots.py

local function take_slot(team, limit, job_id, ready_at, runs_s)
  local free, starts_at = key('free:' .. team), ready_at
  if call('ZCARD', free) >= limit then
    starts_at = math.max(ready_at, number(call('ZPOPMIN', free)[2]))
  end
  call('ZADD', free, exact(starts_at + runs_s), job_id)
  return starts_at
end

-- Deliveries

local function first_due()
  return number(call('ZRANGE', key('due'), 0, 0, 'WITHSCORES')[2] or 'inf')
end

-- Tell every process when one is due before all that waited; whether that is so.
local function wake(before, earliest)
  if earliest >= before then return 0 end
  call('PUBLISH', ARGV[1], 'due')
  return 1
end

local function put_delivery(id, value, due_at)
  call('HSET', key('deliveries'), id, value)
  call('ZADD', key('of_job'), 0, id)
  if not call('ZSCORE', key('taken'), id) then
    call('ZADD', key('due'), exact(due_at), id)
  end
end

-- Schedule what `outline` says of a job that starts at this instant, as core/deliveries.py does; the earliest of it.
local function schedule(job_id, outline, started_at, runs_s)
  local earliest = huge
  if outline == '' then return earliest end
  local late_s, gap_s, is_turned, at = struct.unpack('<ddB', outline)
  local place = 0
  while at <= #outline do
    local offset_s, progress, id, event
    offset_s, progress, id, event, at = struct.unpack('<dBHc0Hc0', outline, at)
    local event_at = started_at + offset_s
    local due_at = event_at + late_s
    if is_turned == 1 then
      due_at = math.max(started_at + runs_s, due_at) + place * gap_s
      place = place + 1
    end
    if due_at < huge then
      put_delivery(id, struct.pack(DELIVERY, event_at, due_at, 0, PENDING, 0, progress, #job_id, job_id) .. event, due_at)
      earliest = math.min(earliest, due_at)
    end
  end
  return earliest
end

local function deliveries_of(job_id)
  return call('ZRANGEBYLEX', key('of_job'), '[' .. job_id .. '_', '(' .. job_id .. '`')
end

local function is_pending(value)
  return value and value:byte(19) == PENDING
end

local function waits_for(job_id)
  for _, id in ipairs(deliveries_of(job_id)) do
    if is_pending(call('HGET', key('deliveries'), id)) then return true end
  end
  return false
end

local function forget_delivery(id)
  call('HDEL', key('deliveries'), id)
  call('HDEL', key('attempts'), id)
  call('ZREM', key('of_job'), id)
end

-- Forget the deliveries of a job that are not done and that nobody has taken.
local function drop(job_id)
  for _, id in ipairs(deliveries_of(job_id)) do
    if is_pending(call('HGET', key('deliveries'), id)) and call('ZREM', key('due'), id) == 1 then
      forget_delivery(id)
    end
  end
end

local function give_back(id)
  call('ZREM', key('taken'), id)
  local value = call('HGET', key('deliveries'), id)
  if is_pending(value) then
    local _, due_at = struct.unpack('<dd', value)
    call('ZADD', key('due'), exact(due_at), id)
  end
end
