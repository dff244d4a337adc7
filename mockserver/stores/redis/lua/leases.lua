-- Workers: what each has taken is its own until its lease runs out.

-- Give back what the dead have taken, in bounded pieces.
local function bury(real)
  for _, worker in ipairs(call('ZRANGEBYSCORE', key('workers'), '-inf', real, 'LIMIT', 0, 10)) do
    local held = key('held:' .. worker)
    for _, id in ipairs(call('SPOP', held, 1000)) do
      give_back(id)
    end
    if call('SCARD', held) == 0 then
      call('ZREM', key('workers'), worker)
    end
  end
end
