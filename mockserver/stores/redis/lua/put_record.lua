-- Keep a record, or change it in its place; the ids of those of the owner that leave for it, oldest first.
local kind, id, owner, value, expires_at, most = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])
local records, owned = 'records:' .. kind, 'owned:' .. kind .. ':' .. owner
local known, order = call('HGET', key(records), id), nil
if known then
  local _, before, its_owner = struct.unpack('<ddHc0', known)
  order = before
  if its_owner ~= owner then call('ZREM', key('owned:' .. kind .. ':' .. its_owner), id) end
else
  order = call('INCR', key('order'))
end
call('HSET', key(records), id, struct.pack('<ddHc0', expires_at, order, #owner, owner) .. value)
call('ZADD', key(owned), order, id)
call('SADD', key('kinds'), records, owned)
local over, left = call('ZCARD', key(owned)) - most, {}
if over > 0 then
  local popped = call('ZPOPMIN', key(owned), over)
  for i = 1, #popped, 2 do
    call('HDEL', key(records), popped[i])
    left[#left + 1] = popped[i]
  end
end
return left
