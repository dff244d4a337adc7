-- Keep a piece of a file.
local blob = 'blob:' .. ARGV[2]
call('SADD', key('kinds'), blob)
return call('HSET', key(blob), ARGV[3], ARGV[4])
