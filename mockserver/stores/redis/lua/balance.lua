-- What a team can spend; with an amount, that is made so first.
local team, now, amount = ARGV[2], ARGV[3], ARGV[4]
local credit = balance(team, now)
if not credit then return {} end
if amount ~= '' then
  call('HSET', key('credits'), team, amount)
  credit = tonumber(amount)
end
return {string.format('%.0f', math.max(0, credit))}
