-- Let others have the turn, if it is this one's.
if call('GET', key('turn')) ~= ARGV[2] then return 0 end
return call('DEL', key('turn'))
