-- Let one holder alone change documents, for so many milliseconds of real time; whether it was free or its own.
local turn, holder = key('turn'), ARGV[2]
local other = call('GET', turn)
if other and other ~= holder then return 0 end
if tonumber(ARGV[3]) > 0 then
  call('SET', turn, holder, 'PX', ARGV[3])
else
  call('DEL', turn)
end
return 1
