-- Give a job the plan that was made for the row it had, if that is its row still; then let others move up.
local now, job_id, row_before, row, is_final, limit = tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])
local outline, deliveries_from = ARGV[8], 9
if call('HGET', key('jobs'), job_id) ~= row_before then return {'stale'} end

local before, after = job_of(row_before), job_of(row)
replace(job_id, before, after)
if is_final == '1' then return {'changed', 0, {}} end

local waited_for, earliest = first_due(), huge
book(job_id, after, before.started_at <= now)
drop(job_id)
for i = deliveries_from, #ARGV, 2 do
  local _, due_at = struct.unpack('<dd', ARGV[i + 1])
  call('ZREM', key('done'), ARGV[i])
  put_delivery(ARGV[i], ARGV[i + 1], due_at)
  earliest = math.min(earliest, due_at)
end
local later = call('HGET', key('later:' .. after.team), job_id)
if later then
  call('HSET', key('later:' .. after.team), job_id, later:sub(1, 16) .. outline)
end
local moved, first = {}, huge
if call('EXISTS', key('open:' .. after.team)) == 1 then
  moved, first = move_up(after.team, limit, now)
end
return {'changed', wake(waited_for, math.min(earliest, first)), moved}
