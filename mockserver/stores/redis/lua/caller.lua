-- A key and its team.
local value = call('HGET', key('keys'), ARGV[2])
if not value then return {} end
local _, team = struct.unpack('<dHc0', value)
return {value, call('HGET', key('teams'), team)}
