-- Keep what came of a try. The word of a worker that holds the delivery no more is kept as an attempt alone.
local id, value, attempt, worker, remembered = ARGV[2], ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
local is_about_the_end = ARGV[7] == '1'
if call('HEXISTS', key('deliveries'), id) == 0 then return 0 end
local attempts = call('HGET', key('attempts'), id) or ''
call('HSET', key('attempts'), id, attempts .. struct.pack('<I', #attempt) .. attempt)
if call('SREM', key('held:' .. worker), id) == 0 then return 0 end
call('ZREM', key('taken'), id)
call('HSET', key('deliveries'), id, value)
local _, due_at, _, status, _, _, job_id = struct.unpack(DELIVERY, value)
if status == PENDING then
  local before = first_due()
  call('ZADD', key('due'), exact(due_at), id)
  return wake(before, due_at)
end

call('ZADD', key('done'), call('INCR', key('order')), id)
if call('ZCARD', key('done')) > remembered then
  forget_delivery(call('ZPOPMIN', key('done'))[1])
end
local row = call('HGET', key('jobs'), job_id)
if row and is_about_the_end then
  row = row:sub(1, 33) .. string.char(status) .. row:sub(35)
  call('HSET', key('jobs'), job_id, row)
end
if row and call('SISMEMBER', key('undelivered'), job_id) == 1 and not waits_for(job_id) then
  call('SREM', key('undelivered'), job_id)
  put_at(key('ends'), job_id, job_of(row).leaves_at)
end
return 0
