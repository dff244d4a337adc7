-- Revoke a key; whether there was one.
if call('HDEL', key('keys'), ARGV[2]) == 0 then return 0 end
call('INCR', key('version'))
return 1
