-- Renew a worker's lease.
local worker, real, until_ = ARGV[2], ARGV[3], ARGV[4]
call('ZADD', key('workers'), until_, worker)
return 1
