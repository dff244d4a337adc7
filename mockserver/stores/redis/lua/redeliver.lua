-- Make a delivery due again as if never tried; as it is, while it is taken or its event is to come.
local id, now = ARGV[2], tonumber(ARGV[3])
local value = call('HGET', key('deliveries'), id)
if not value then return {} end
local event_at, _, _, _, _, progress, job_id, at = struct.unpack(DELIVERY, value)
if call('HEXISTS', key('jobs'), job_id) == 0 then return {} end
if call('ZSCORE', key('taken'), id) or event_at > now then return {value, 0} end
local before = first_due()
call('ZREM', key('done'), id)
value = struct.pack(DELIVERY, event_at, now, 0, PENDING, 1, progress, #job_id, job_id) .. value:sub(at)
put_delivery(id, value, now)
return {value, wake(before, now)}
