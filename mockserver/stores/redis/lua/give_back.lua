-- Make due again what a worker has taken, but for what it names.
local worker, kept = ARGV[2], {}
local held, before, is_leaving = key('held:' .. worker), first_due(), ARGV[3] == '1'
for i = 4, #ARGV do
  kept[ARGV[i]] = true
end
for _, id in ipairs(call('SMEMBERS', held)) do
  if not kept[id] then
    call('SREM', held, id)
    give_back(id)
  end
end
if is_leaving then call('ZREM', key('workers'), worker) end
return wake(before, first_due())
