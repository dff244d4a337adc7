-- Let one holder alone change documents, for so many milliseconds of real time; whether it was free or its own.
local turn, holder = key('turn'), ARGV[2]
local other = call('GET', turn)
if other and other ~= holder then return 0 end
call('SET', turn, holder, 'PX', ARGV[3])
return 1
