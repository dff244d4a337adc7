-- Deliveries that are remembered, of one job or all: ids, values and attempts, flat.
local found = {}
local function add(id, value)
  found[#found + 1] = id
  found[#found + 1] = value
  found[#found + 1] = call('HGET', key('attempts'), id) or ''
end
if ARGV[2] ~= '' then
  for _, id in ipairs(deliveries_of(ARGV[2])) do
    add(id, call('HGET', key('deliveries'), id))
  end
else
  local all = call('HGETALL', key('deliveries'))
  for i = 1, #all, 2 do
    add(all[i], all[i + 1])
  end
end
return found
