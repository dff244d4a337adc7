-- Add a team or a key, or change it in its place; a key names its user's team for those who look for a list.
put(ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6])
return call('INCR', key('version'))
