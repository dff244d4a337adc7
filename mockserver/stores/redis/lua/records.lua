-- The records of a kind: ids and rows, flat.
return call('HGETALL', key('records:' .. ARGV[2]))
