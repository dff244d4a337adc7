-- Keep a record, or change it in its place; the ids of those of the owner that leave for it, oldest first.
local kind, id, owner, value, expires_at, size = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local most, most_size = tonumber(ARGV[8]), tonumber(ARGV[9])
local records, owned, sizes = 'records:' .. kind, 'owned:' .. kind .. ':' .. owner, 'owned_sizes:' .. kind
local known, order = call('HGET', key(records), id), nil
if known then
  order = call('ZSCORE', key(owned), id)
  forget_record(kind, id, known)
end
call('HSET', key(records), id, struct.pack(RECORD, number(expires_at), size, #owner, owner) .. value)
call('ZADD', key(owned), order or call('INCR', key('order')), id)
put_at(key('expiring:' .. kind), id, number(expires_at))
local all = call('HINCRBY', key(sizes), owner, size)
call('SADD', key('kinds'), records, owned, sizes, 'expiring:' .. kind)

local over, left = call('ZCARD', key(owned)) - most, {}
while over > 0 or all > most_size do
  local two = call('ZRANGE', key(owned), 0, 1)
  local oldest = two[1] == id and two[2] or two[1]
  if not oldest or oldest == id then break end
  local row = call('HGET', key(records), oldest)
  local _, its_size = struct.unpack(RECORD, row)
  forget_record(kind, oldest, row)
  left[#left + 1] = oldest
  over, all = over - 1, all - its_size
end
return left
