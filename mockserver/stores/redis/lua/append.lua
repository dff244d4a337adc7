-- Add rows to a stream, of which the newest stay; the number of the last one.
local name, most, most_bytes = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local stream, lasts, sizes = key('stream:' .. name), key('stream_lasts'), key('stream_sizes')
local last = call('HINCRBY', lasts, name, #ARGV - 4)
local first, size = last - (#ARGV - 4), 0
for i = 5, #ARGV do
  call('XADD', stream, string.format('%.0f-0', first + i - 4), 'row', ARGV[i])
  size = size + #ARGV[i]
end
size = call('HINCRBY', sizes, name, size)
local over = call('XLEN', stream) - most
while over > 0 or size > most_bytes do
  local oldest = call('XRANGE', stream, '-', '+', 'COUNT', math.max(1, math.min(over, 100)))
  if #oldest == 0 then break end
  local ids = {}
  for _, entry in ipairs(oldest) do
    ids[#ids + 1] = entry[1]
    size = size - #entry[2][2]
    call('HINCRBY', sizes, name, -#entry[2][2])
  end
  call('XDEL', stream, unpack(ids))
  over = over - #ids
end
return last
