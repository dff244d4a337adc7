-- The version, and a key and its team.
local version, value = call('GET', key('version')) or '0', call('HGET', key('keys'), ARGV[2])
if not value then return {version} end
local _, team = struct.unpack('<dHc0', value)
return {version, value, call('HGET', key('teams'), team)}
