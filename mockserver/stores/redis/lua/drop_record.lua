-- Forget a record.
local kind, id = ARGV[2], ARGV[3]
local known = call('HGET', key('records:' .. kind), id)
if not known then return 0 end
local _, _, owner = struct.unpack('<ddHc0', known)
call('ZREM', key('owned:' .. kind .. ':' .. owner), id)
return call('HDEL', key('records:' .. kind), id)
