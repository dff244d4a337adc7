-- Count one request of a key, unless it is over the limit; the seconds to wait.
local digest, requests, per_s, now = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local seen = key('seen:' .. digest)
local function at(place)
  local found = call('LINDEX', seen, place)
  return found and (struct.unpack('<d', found))
end
local oldest = at(0)
if not oldest then call('SADD', key('limited'), digest) end
while oldest and oldest + per_s <= now do
  call('LPOP', seen)
  oldest = at(0)
end
if call('LLEN', seen) >= requests then
  return exact(at(-requests) + per_s - now)
end
call('RPUSH', seen, struct.pack('<d', now))
return '0'
