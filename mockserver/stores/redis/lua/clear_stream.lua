-- Forget the rows of a stream; its numbers go on.
call('UNLINK', key('stream:' .. ARGV[2]))
return call('HDEL', key('stream_sizes'), ARGV[2])
