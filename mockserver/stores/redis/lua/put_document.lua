-- Store a text, and say that something has changed.
call('HSET', key('documents'), ARGV[2], ARGV[3])
return call('INCR', key('version'))
