-- Forget the records of a kind that have expired, a thousand at most; their ids.
local kind = ARGV[2]
local over = call('ZRANGEBYSCORE', key('expiring:' .. kind), '-inf', ARGV[3], 'LIMIT', 0, 1000)
for _, id in ipairs(over) do
  forget_record(kind, id, call('HGET', key('records:' .. kind), id))
end
return over
