-- The models of an owner's jobs, some of them maybe more than once.
local lists = call('SMEMBERS', key('members:' .. ARGV[2]))
if #lists == 0 then lists = {ARGV[2]} end
local models = {}
for _, name in ipairs(lists) do
  for _, model in ipairs(call('HKEYS', key('models:' .. name))) do
    models[#models + 1] = model
  end
end
return models
