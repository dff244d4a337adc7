-- Give the slots of a team anew.
local now, team, limit = tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
if call('EXISTS', key('open:' .. team)) == 0 then return {0, {}} end
local waited_for = first_due()
local moved, first = move_up(team, limit, now)
return {wake(waited_for, first), moved}
