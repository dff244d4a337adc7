-- Renew the worker's lease, take over from those whose lease ran out, and take what is due.
local now, limit, worker, real, until_ = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
call('ZADD', key('workers'), until_, worker)
bury(real)
local taken = {}
for _, id in ipairs(call('ZRANGEBYSCORE', key('due'), '-inf', now, 'LIMIT', 0, limit)) do
  local value = call('HGET', key('deliveries'), id)
  local _, due_at, _, _, _, _, job_id = struct.unpack(DELIVERY, value)
  call('ZREM', key('due'), id)
  call('ZADD', key('taken'), exact(due_at), id)
  call('SADD', key('held:' .. worker), id)
  taken[#taken + 1] = id
  taken[#taken + 1] = value
  taken[#taken + 1] = job_id
  taken[#taken + 1] = call('HGET', key('jobs'), job_id)
end
return taken
