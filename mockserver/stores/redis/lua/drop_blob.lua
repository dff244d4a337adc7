-- Forget a file.
local blob = 'blob:' .. ARGV[2]
call('SREM', key('kinds'), blob)
return call('UNLINK', key(blob))
